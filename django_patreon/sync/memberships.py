"""Memberships: the one way in for all news."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import models, router, transaction
from django.utils import timezone

from django_patreon import tokens
from django_patreon.conf import patreon_settings
from django_patreon.entitlement import CHARGES, STATUSES, grace_start, is_declined
from django_patreon.models import Campaign, Membership, PatreonAccount, Tier
from django_patreon.resources import Campaign as CampaignNews
from django_patreon.resources import Identity, Member
from django_patreon.resources import Tier as TierNews
from django_patreon.signals import membership_changed

from .catalogue import cut, moment, months, number, save_campaigns, save_tiers
from .ours import ALL_MEMBERSHIPS, find_ours

__all__ = ["Saved", "may_look_again", "save_identity", "save_member", "sync_account"]

logger = logging.getLogger("django_patreon")

LOOK_EVERY = timedelta(seconds=30)
"""How often one person may have us ask Patreon again."""


@dataclass
class Saved:
    """How many memberships an answer was about."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    ignored: int = 0
    """Older than what is known, or of no campaign."""


def may_look_again(account: PatreonAccount) -> bool:
    """Say whether Patreon may be asked now because a person pressed a button; counts as asking."""
    now = timezone.now()
    long_ago = models.Q(last_look_at=None) | models.Q(last_look_at__lte=now - LOOK_EVERY)
    found = PatreonAccount.objects.filter(long_ago, pk=account.pk)
    return bool(found.update(last_look_at=now))


def sync_account(account: PatreonAccount) -> Saved:
    """Ask Patreon once about the person of `account`, and save their memberships.

    Raises what `tokens.client_for(account).identity()` raises; then nothing has changed. Nor has it
    when the account is gone by the time that Patreon has answered.
    """
    fetched_at = timezone.now()  # before the answer was made: never newer than what it says
    identity = tokens.client_for(account).identity()
    with transaction.atomic(using=router.db_for_write(Membership)):
        accounts = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
        if not accounts.filter(pk=account.pk).exists():
            return Saved()
        return save_identity(
            identity, account=account, scopes=account.scopes, fetched_at=fetched_at
        )


def save_identity(
    identity: Identity,
    *,
    account: PatreonAccount,
    scopes: Collection[str],
    fetched_at: datetime,
    asked: Collection[str] = (),
    by_operator: bool = False,
) -> Saved:
    """Save all memberships, tiers and campaigns that an identity answer carries.

    `scopes` are those of the token that asked, `asked` those that the site itself asks for at
    sign-in, and `by_operator` says that no visitor brought the token. Memberships that others told
    us of earlier are joined to the account. One that the answer should list and does not is taken
    for blank.
    """
    saved = Saved()
    # What a write is decided by is read from where it is written: a replica may be behind.
    memberships = Membership.objects.using(router.db_for_write(Membership))
    mine = memberships.filter(patreon_user_id=account.patreon_id).order_by("patreon_id")
    known = {each.patreon_id: each for each in mine}
    # One after the other, so that the caches of whoever listens are told.
    for stray in known.values():
        if stray.account_id is None:
            stray.account = account
            stray.save(update_fields=["account"])
    members = [each for each in identity.memberships if each.campaign_id is not None]
    for _ in range(len(identity.memberships) - len(members)):
        logger.warning(
            "Patreon lists a membership of account %s without a campaign: it is ignored",
            account.patreon_id,
        )  # T4
        saved.ignored += 1
    ours = find_ours(identity, members, scopes=scopes, asked=asked, by_operator=by_operator)
    news = {key: CampaignNews(id=key) for each in members if (key := each.campaign_id)}
    news |= identity.campaigns
    campaigns = save_campaigns(news, ours, fetched_at)
    listed = {
        tier_id: key for key, each in identity.campaigns.items() for tier_id in each.tier_ids or ()
    }
    for each in members:
        listed |= dict.fromkeys(each.tier_ids or (), each.campaign_id or "")
    tiers = save_tiers(listed, identity.tiers, fetched_at)
    own = campaigns.get(identity.campaign_id or "")
    if own is not None and own.creator_id != account.pk:
        own.creator = account
        own.save(update_fields=["creator"])
    for member in sorted(members, key=lambda each: each.id):
        user_id = member.user_id or account.patreon_id
        _save_member(
            member,
            campaign=campaigns[member.campaign_id or ""],
            tiers=tiers,
            fetched_at=fetched_at,
            user_id=user_id,
            account=account if user_id == account.patreon_id else _account_of(user_id),
            full_name=identity.user.full_name,
            saved=saved,
        )
    if scopes and (missing := known.keys() - {each.id for each in members}):
        should_be_listed = mine.filter(patreon_id__in=missing)
        if ALL_MEMBERSHIPS not in scopes:
            should_be_listed = should_be_listed.filter(campaign__is_ours=True)
        for each_missing in should_be_listed:
            nothing = dict(_NOTHING) | ({} if patreon_settings().STORE_EMAIL else {"email": ""})
            _write(each_missing.patreon_id, nothing, [], fetched_at, saved)
    return saved


def save_member(
    member: Member,
    *,
    campaign: Campaign,
    tiers: Mapping[str, TierNews],
    fetched_at: datetime,
    user_id: str | None = None,
    full_name: str | None = None,
    saved: Saved | None = None,
) -> Membership:
    """Save what is new about one membership, unless something newer is known. All or nothing.

    The account is whoever has Patreon's id of the person here, and may be nobody.
    """
    user_id = member.user_id or user_id
    listed = dict.fromkeys(member.tier_ids or (), campaign.patreon_id)
    with transaction.atomic(using=router.db_for_write(Membership), savepoint=False):
        return _save_member(
            member,
            campaign=campaign,
            tiers=save_tiers(listed, tiers, fetched_at),
            fetched_at=fetched_at,
            user_id=user_id,
            account=_account_of(user_id),
            full_name=full_name,
            saved=saved or Saved(),
        )


def _account_of(user_id: str | None) -> PatreonAccount | None:
    accounts = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
    return accounts.filter(patreon_id=user_id).first() if user_id else None


def _save_member(
    member: Member,
    *,
    campaign: Campaign,
    tiers: Mapping[str, Tier],
    fetched_at: datetime,
    user_id: str | None,
    account: PatreonAccount | None,
    full_name: str | None,
    saved: Saved,
) -> Membership:
    columns: dict[str, Any] = {
        "campaign_id": campaign.patreon_id,
        "patron_status": cut(member.patron_status, 32),
        "last_charge_status": cut(member.last_charge_status, 32),
        "last_charge_date": moment(member.last_charge_date),
        "next_charge_date": moment(member.next_charge_date),
        "currently_entitled_amount_cents": number(member.currently_entitled_amount_cents),
        "will_pay_amount_cents": number(member.will_pay_amount_cents),
        "campaign_lifetime_support_cents": number(member.campaign_lifetime_support_cents),
        "pledge_cadence": months(member.pledge_cadence),
        "pledge_relationship_start": moment(member.pledge_relationship_start),
        "is_gifted": bool(member.is_gifted),
        "is_free_trial": bool(member.is_free_trial),
    }
    # Not every answer speaks of these: silence changes nothing.
    told = {
        "full_name": cut(member.full_name or full_name, 255),
        "note": member.note,
        "lifetime_support_cents": number(member.lifetime_support_cents),
        "is_follower": member.is_follower,
        # A part of an address is somebody else's.
        "email": None if len(member.email or "") > 254 else member.email,
    }
    columns |= {name: value for name, value in told.items() if value is not None}
    if user_id:
        columns |= {"patreon_user_id": user_id, "account_id": account.pk if account else None}
    if not patreon_settings().STORE_EMAIL:
        columns["email"] = ""
    held = (
        None if member.tier_ids is None else [tiers[key] for key in dict.fromkeys(member.tier_ids)]
    )
    return _write(member.id, columns, held, fetched_at, saved)


_NOTHING: dict[str, Any] = {"currently_entitled_amount_cents": 0, "will_pay_amount_cents": 0}


def _write(
    patreon_id: str,
    columns: dict[str, Any],
    held: list[Tier] | None,
    fetched_at: datetime,
    saved: Saved,
) -> Membership:
    """Bring one row up to date. `held` None: the answer did not speak of tiers."""
    using = router.db_for_write(Membership)
    rows = Membership.objects.using(using).select_for_update()
    row = rows.filter(patreon_id=patreon_id).first()
    is_new = row is None
    if row is None:
        row = Membership(patreon_id=patreon_id, fetched_at=fetched_at)
    elif row.fetched_at > fetched_at:
        saved.ignored += 1
        return row
    before, account_before = ([] if is_new else list(row.tiers.using(using))), row.account_id
    if held is None:
        # A gift says 0 cents, and is one as long as it is not over (observed).
        is_gift = columns.get("is_gifted") and columns["patron_status"] == "active_patron"
        amount = columns["currently_entitled_amount_cents"] or 0
        held = before if amount > 0 or is_gift else []
    columns |= _memory(row, before, held, columns["currently_entitled_amount_cents"], fetched_at)
    columns["declined_since"] = _declined_since(row, columns, fetched_at)
    changed = {name for name, value in columns.items() if is_new or getattr(row, name) != value}
    for name, value in columns.items():
        setattr(row, name, value)
    row.fetched_at = fetched_at
    row.save(force_insert=is_new, update_fields=None if is_new else {*changed, "fetched_at"})
    if {each.pk for each in held} != {each.pk for each in before}:
        row.tiers.set(held)
        changed.add("tiers")
    _warn_of_new_words(row, changed)
    if is_new or changed:
        transaction.on_commit(
            partial(
                membership_changed.send_robust,
                sender=Membership,
                membership=row,
                created=is_new,
                changed=frozenset(changed),
                account_before=account_before,
            ),
            using=using,
        )
    saved.created += is_new
    saved.changed += bool(changed) and not is_new
    saved.unchanged += not changed and not is_new
    return row


def _warn_of_new_words(row: Membership, changed: set[str]) -> None:
    """Say once that Patreon has a word which the rule does not know: it closes until it does."""
    for name, known in (("patron_status", STATUSES), ("last_charge_status", CHARGES)):
        word = getattr(row, name)
        if name in changed and word not in known:
            logger.warning(
                "Patreon says %s %r of membership %s, which nobody knows: it opens nothing",
                name,
                word,
                row.patreon_id,
            )


def _memory(
    row: Membership, before: list[Tier], held: list[Tier], amount: int | None, at: datetime
) -> dict[str, Any]:
    """Keep in mind what was listed, from the reading on that no longer lists it (T12)."""
    had_tiers, has_tiers = (any((t.amount_cents or 0) > 0 for t in each) for each in (before, held))
    had_amount, has_amount = ((x or 0) > 0 for x in (row.currently_entitled_amount_cents, amount))
    remembered_tiers = bool(row.remembered and row.remembered["tiers"])
    if has_tiers or (has_amount and not had_tiers and not remembered_tiers):
        return {"blank_since": None, "remembered": None}
    if had_tiers or had_amount:
        if row.remembered and not had_tiers:
            return {}  # the amount has followed the tiers: what was first is what was
        prices = {tier.patreon_id: tier.amount_cents for tier in before}
        return {
            "blank_since": at,
            "remembered": {
                "tiers": prices,
                "cents": row.currently_entitled_amount_cents or 0,
                "months": row.pledge_cadence,
            },
        }
    return {} if row.blank_since is not None else {"blank_since": at, "remembered": None}


def _declined_since(
    row: Membership, columns: Mapping[str, Any], fetched_at: datetime
) -> datetime | None:
    """Return the new `declined_since` of a row that still holds what was read before.

    It keeps the earliest start that is known, so that hearing of it again, or of another try of
    the same charge, makes no grace longer. If the person has paid since, it is a new one.
    """
    names = ("patron_status", "last_charge_status", "last_charge_date")
    status, charge, charged = (columns.get(name, getattr(row, name)) for name in names)
    if not is_declined(status, charge):
        return None
    start = grace_start(charge, charged, fetched_at)
    if not is_declined(row.patron_status, row.last_charge_status):
        return start
    # Rows that were written before this column existed have none.
    first_seen = row.declined_since or row.fetched_at
    known = grace_start(row.last_charge_status, row.last_charge_date, first_seen)
    given_before = row.campaign_lifetime_support_cents
    given = columns.get("campaign_lifetime_support_cents")
    has_given_more = given is not None and given_before is not None and given > given_before
    has_paid = charge == "Paid" and charged is not None and charged > known
    return start if has_given_more or has_paid else min(start, known)
