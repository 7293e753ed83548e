"""Tiers as Django groups: `TIER_GROUPS = {"gold": ["supporters"]}` makes `user.has_perm` work.

A user's groups are updated when a membership, a grant or their account changes or is deleted, and
at every sign-in. What ends because time passes is noticed by `manage.py patreon_groups`. Members
of a group that the setting no longer names are left alone: they may have been added by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in
from django.db import connections, router, transaction
from django.db.models import Q
from django.db.models.signals import post_save, pre_delete

from .access import Patron, Rule
from .conf import patreon_settings
from .entitlement import decide
from .models import Grant, Membership, PatreonAccount, Tier, tier_id
from .signals import (
    account_reconnect_needed,
    account_reconnected,
    account_unlinked,
    memberships_changed,
)

__all__ = ["keep", "keep_all", "listen"]

logger = logging.getLogger("django_patreon")


def keep(user: Any, *, dry_run: bool = False) -> tuple[set[str], set[str]]:
    """Add the user to the groups of their tiers, and remove them from the other groups.

    Returns the names of the groups joined and left; with `dry_run` nothing is written. Only groups
    that `TIER_GROUPS` names are touched. `STAFF_BYPASS` gives staff no group.
    """
    chosen = patreon_settings().TIER_GROUPS
    if not chosen:
        return set(), set()
    patron = Patron(user)
    wanted: set[str] = set()
    home = _campaigns_of({tier_id(tier) or "" for tier in chosen}, patron)
    for tier, names in chosen.items():
        rule = Rule(tier=tier, campaign=home.get(tier_id(tier) or ""))
        facts = patron.facts(rule.campaign_id, bypass=False)
        if decide(patron.requirement(rule), facts).allowed:
            wanted.update(names)
    managed = {name for names in chosen.values() for name in names}
    has = set(user.groups.filter(name__in=managed).values_list("name", flat=True))
    added, removed = wanted - has, has - wanted
    if not dry_run:
        if added:
            user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in sorted(added)))
        if removed:
            user.groups.remove(*Group.objects.filter(name__in=removed))
        if added or removed:
            logger.info(
                "User %s joined %s and left %s",
                user.pk,
                sorted(added) or "-",
                sorted(removed) or "-",
            )
    return added, removed


def _campaigns_of(tiers: set[str], patron: Patron) -> dict[str, str]:
    """Return the campaign of each tier. Tiers that the patron's query did not bring are read."""
    found = {key: each.campaign_id for key, each in patron.known.tiers.items() if key in tiers}
    if others := tiers - found.keys():
        rows = Tier.objects.filter(patreon_id__in=others)
        found |= {each.patreon_id: each.campaign_id for each in rows}
    return found


def keep_all(*, dry_run: bool = False) -> Iterator[tuple[Any, set[str], set[str]]]:
    """Update the groups of all users concerned, and yield those for whom something changes.

    A failure for one user is logged, and the others are updated; the next run tries again.
    """
    if not patreon_settings().TIER_GROUPS:
        return
    managed = {name for names in patreon_settings().TIER_GROUPS.values() for name in names}
    concerned = get_user_model()._default_manager.filter(
        Q(pk__in=PatreonAccount.objects.values("user"))
        | Q(pk__in=Grant.objects.in_force().values("user"))
        | Q(groups__name__in=managed)
    )
    for user in concerned.distinct().order_by("pk").iterator(chunk_size=500):
        added, removed = _keep_if_possible(user, dry_run=dry_run)
        if added or removed:
            yield user, added, removed


def listen() -> None:
    """Connect the receivers that keep groups up to date."""
    uid = "django_patreon.groups"
    memberships_changed.connect(_on_memberships, dispatch_uid=uid)
    user_logged_in.connect(_on_sign_in, dispatch_uid=uid)
    for signal in (account_reconnect_needed, account_reconnected):
        signal.connect(_on_connection, dispatch_uid=uid)
    account_unlinked.connect(_on_unlinked, dispatch_uid=uid)
    # `pre_delete`: after the delete, columns that the caller has not loaded cannot be read.
    for model in (Grant, PatreonAccount):
        for signal in (post_save, pre_delete):
            signal.connect(_on_row, sender=model, dispatch_uid=uid)
    # Deleting a campaign deletes its memberships; Django sends a signal for each.
    pre_delete.connect(_on_membership_deleted, sender=Membership, dispatch_uid=uid)
    pre_delete.connect(_on_tier_deleted, sender=Tier, dispatch_uid=uid)


def _on_memberships(accounts: Iterable[int], **kwargs: Any) -> None:
    if patreon_settings().TIER_GROUPS:
        found = PatreonAccount.objects.filter(pk__in=accounts)
        for user in list(found.values_list("user", flat=True)):
            _keep_by_key(user)


def _on_membership_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    if instance.account_id is not None and patreon_settings().TIER_GROUPS:
        accounts = PatreonAccount.objects.using(using).filter(pk=instance.account_id)
        _keep_after_commit(accounts.values_list("user", flat=True), using)


def _on_tier_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    """Find the holders before the delete; afterwards nobody holds the tier."""
    if patreon_settings().TIER_GROUPS:
        holders = PatreonAccount.objects.using(using).filter(memberships__tiers=instance)
        _keep_after_commit(holders.values_list("user", flat=True), using)


def _on_sign_in(user: Any, **kwargs: Any) -> None:
    _keep_if_possible(user)  # a failure must not stop the sign-in


def _on_connection(account: PatreonAccount, **kwargs: Any) -> None:
    _keep_by_key(account.user_id)


def _on_unlinked(user: Any, **kwargs: Any) -> None:
    _keep_by_key(user.pk)  # the account may be another user's now


def _on_row(instance: Any, using: str, **kwargs: Any) -> None:
    if patreon_settings().TIER_GROUPS:
        _keep_after_commit([instance.user_id], using)


def _keep_after_commit(keys: Iterable[Any], using: str) -> None:
    """Update each user once, however many of their rows one transaction has changed."""
    _waiting.setdefault(connections[using], set()).update(keys)
    transaction.on_commit(partial(_keep_waiting, using), using=using)


_waiting: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()
"""Keys of users by connection. After a rollback they stay, and are looked at after the next commit,
which does no harm."""


def _keep_waiting(using: str) -> None:
    waiting = _waiting.get(connections[using], set())
    while waiting:
        _keep_by_key(waiting.pop())


def _keep_by_key(key: Any) -> None:
    if not patreon_settings().TIER_GROUPS:
        return
    user = get_user_model()._default_manager.filter(pk=key).first()
    if user is not None:  # else it has been deleted, and its groups with it
        _keep_if_possible(user)


def _keep_if_possible(user: Any, *, dry_run: bool = False) -> tuple[set[str], set[str]]:
    try:
        with transaction.atomic(using=router.db_for_write(Group)):
            return keep(user, dry_run=dry_run)
    except Exception:  # a receiver of the site's own may fail in any way
        logger.exception("The groups of user %s could not be kept", user.pk)
        return set(), set()
