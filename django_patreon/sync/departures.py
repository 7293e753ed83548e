"""The end of a complete sync: who is no longer listed, and who belongs to an account."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import router, transaction
from django.db.models import Exists, OuterRef, Q

from django_patreon.api import SeenIds
from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign, Membership, PatreonAccount, Source

from .readings import ended_reading
from .writing import Saved, apply, plan

if TYPE_CHECKING:
    from django_patreon.models.membership import MembershipQuerySet

__all__ = ["are_too_many", "demote", "join_accounts", "members_of", "unlisted"]

AT_ONCE = 500
"""Memberships that are demoted in one transaction."""


def members_of(campaign: Campaign) -> MembershipQuerySet:
    """Return the campaign's memberships, as the primary database has them."""
    using = router.db_for_write(Membership)
    return Membership.objects.using(using).for_campaign(campaign)


def unlisted(campaign: Campaign, seen: SeenIds, before: datetime) -> tuple[list[str], list[str]]:
    """Return the ids of memberships that a whole list did not have: those that pay, and others.

    News that came after the list was begun says more than the list.
    """
    older = members_of(campaign).filter(fetched_at__lte=before)
    paying = older.paying().order_by("pk").values_list("patreon_id", flat=True)
    patrons = [key for key in paying.iterator(chunk_size=2000) if key not in seen]
    says = Exists(Membership.tiers.through._default_manager.filter(membership_id=OuterRef("pk")))
    others = older.filter(Q(patron_status__isnull=False) | says).order_by("pk")
    known = set(patrons)
    return patrons, [
        key
        for key in others.values_list("patreon_id", flat=True).iterator(chunk_size=2000)
        if key not in seen and key not in known
    ]


def are_too_many(gone: int, paying: int) -> bool:
    """Say whether so many patrons cannot have left: `gone` of `paying` are no longer listed."""
    # One who leaves a small campaign is no sign of a fault.
    return gone > 1 and gone > patreon_settings().REVOKE_LIMIT * paying


def demote(keys: list[str], at: datetime, *, source: Source = Source.SYNC) -> int:
    """End the memberships with these ids as of `at`. Return how many of them paid until then."""
    using = router.db_for_write(Membership)
    ended = 0
    for start in range(0, len(keys), AT_ONCE):
        with transaction.atomic(using=using):
            readings = [ended_reading(key) for key in keys[start : start + AT_ONCE]]
            saved = Saved()
            changes = plan(readings, {}, fetched_at=at, saved=saved)
            apply(changes, {}, fetched_at=at, source=source)
        ended += saved.ended
    return ended


def join_accounts(campaign: Campaign) -> None:
    """Join memberships of people whose account came without a sign-in, such as an import."""
    using = router.db_for_write(Membership)
    strays = members_of(campaign).without_account().exclude(patreon_user_id="")
    accounts = PatreonAccount.objects.using(using)
    for account in accounts.filter(patreon_id__in=strays.values("patreon_user_id")):
        with transaction.atomic(using=using):
            for row in strays.filter(patreon_user_id=account.patreon_id).select_for_update():
                row.account = account
                row.save(update_fields=["account"])
