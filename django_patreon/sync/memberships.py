"""Saving the memberships of Patreon's answers: `save_identity` and `save_member`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import models, router, transaction
from django.utils import timezone

from django_patreon import tokens
from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign, Membership, PatreonAccount, Tier
from django_patreon.resources import Campaign as CampaignResource
from django_patreon.resources import Identity, Member
from django_patreon.resources import Tier as TierResource

from .catalogue import read_campaigns, save_campaigns, save_tiers
from .columns import storable_amount, storable_moment, storable_months, storable_text
from .membership_row import Saved, locked_memberships, write_membership
from .ours import ALL_MEMBERSHIPS, find_our_campaign, our_campaign_ids

__all__ = ["may_look_again", "save_identity", "save_member", "sync_account"]

logger = logging.getLogger("django_patreon")

LOOK_EVERY = timedelta(seconds=30)
"""How often one person may have this site ask Patreon again."""


def may_look_again(account: PatreonAccount) -> bool:
    """Return True if the person may have Patreon asked now; the next call counts from here."""
    now = timezone.now()
    long_ago = models.Q(last_look_at=None) | models.Q(last_look_at__lte=now - LOOK_EVERY)
    found = PatreonAccount.objects.filter(long_ago, pk=account.pk)
    return bool(found.update(last_look_at=now))


def sync_account(account: PatreonAccount) -> Saved:
    """Ask Patreon once about the person of `account`, and save their memberships.

    Raises what `tokens.client_for(account).identity()` raises, and then saves nothing. It also
    saves nothing if the account is deleted before Patreon has answered.
    """
    fetched_at = timezone.now()  # before Patreon answers: no later than what the answer says
    identity = tokens.client_for(account).identity()
    with transaction.atomic(using=router.db_for_write(Membership)):
        if not _accounts().filter(pk=account.pk).exists():
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
    """Save all memberships, tiers and campaigns of an identity answer, and return the counts.

    `scopes` are those of the token that was used, and `asked` those that the site asks for at
    sign-in. `by_operator` is True if an operator brought the token, not a visitor. Rows of this
    person that had no account get this one. A membership that the answer should list and does not
    is saved as one without tiers and amount.
    """
    saved = Saved()
    members = [each for each in identity.memberships if each.campaign_id is not None]
    for _ in range(len(identity.memberships) - len(members)):
        logger.warning(
            "Patreon lists a membership of account %s without a campaign: it is ignored",
            account.patreon_id,
        )  # T4
        saved.ignored += 1
    named = _campaigns_of(identity, members)
    rows = read_campaigns(named)
    our_campaign = find_our_campaign(
        identity, members, scopes=scopes, asked=asked, by_operator=by_operator, rows=rows.values()
    )
    campaigns = save_campaigns(named, our_campaign, fetched_at, rows)
    tiers = save_tiers(_tiers_of(identity, members), identity.tiers, fetched_at)
    own = campaigns.get(identity.campaign_id or "")
    if own is not None and own.creator_id != account.pk:
        own.creator = account
        own.save(update_fields=["creator"])
    mine = locked_memberships(patreon_user_id=account.patreon_id)
    for each in mine.values():
        if each.account_id is None:
            each.account = account
            each.save(update_fields=["account"])  # not `update`: receivers of signals keep caches
    listed = {each.id for each in members}
    others = locked_memberships(patreon_id__in=listed - mine.keys()) if listed - mine.keys() else {}
    for member in sorted(members, key=lambda each: each.id):
        user_id = member.user_id or account.patreon_id
        _save_member(
            member,
            mine.get(member.id) or others.get(member.id),
            campaign=campaigns[member.campaign_id or ""],
            tiers=tiers,
            fetched_at=fetched_at,
            user_id=user_id,
            account=account if user_id == account.patreon_id else _account_of(user_id),
            full_name=identity.user.full_name,
            saved=saved,
        )
    missing = [row for key, row in mine.items() if key not in listed] if scopes else []
    if missing and ALL_MEMBERSHIPS not in scopes:
        ours = our_campaign_ids()
        missing = [row for row in missing if row.campaign_id in ours]
    for row in missing:
        write_membership(row, _columns_of_nothing(), [], fetched_at, saved)
    return saved


def _campaigns_of(
    identity: Identity, members: Collection[Member]
) -> Mapping[str, CampaignResource]:
    """Return all campaigns that an answer names, by id, with what it says of them."""
    named = {key: CampaignResource(id=key) for each in members if (key := each.campaign_id)}
    return named | dict(identity.campaigns)


def _tiers_of(identity: Identity, members: Collection[Member]) -> Mapping[str, str]:
    """Return the id of the campaign of each tier that an answer names, by the tier's id."""
    found = {tier: key for key, each in identity.campaigns.items() for tier in each.tier_ids or ()}
    for each in members:
        found |= dict.fromkeys(each.tier_ids or (), each.campaign_id or "")
    return found


def save_member(
    member: Member,
    *,
    campaign: Campaign,
    tiers: Mapping[str, TierResource],
    fetched_at: datetime,
    user_id: str | None = None,
    full_name: str | None = None,
    saved: Saved | None = None,
) -> Membership:
    """Save one membership with its tiers in one transaction, and return its row.

    Nothing changes if the row is newer than `fetched_at`. The row gets the account that has the
    person's Patreon id, if there is one. `user_id` and `full_name` are used where `member` does not
    say them.
    """
    user_id = member.user_id or user_id
    listed = dict.fromkeys(member.tier_ids or (), campaign.patreon_id)
    with transaction.atomic(using=router.db_for_write(Membership), savepoint=False):
        return _save_member(
            member,
            locked_memberships(patreon_id=member.id).get(member.id),
            campaign=campaign,
            tiers=save_tiers(listed, tiers, fetched_at),
            fetched_at=fetched_at,
            user_id=user_id,
            account=_account_of(user_id),
            full_name=full_name,
            saved=saved or Saved(),
        )


def _account_of(user_id: str | None) -> PatreonAccount | None:
    return _accounts().filter(patreon_id=user_id).first() if user_id else None


def _accounts() -> models.QuerySet[PatreonAccount]:
    """Return all accounts, as the primary database knows them."""
    return PatreonAccount.objects.using(router.db_for_write(PatreonAccount))


def _save_member(
    member: Member,
    row: Membership | None,
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
        "patron_status": storable_text(member.patron_status, 32),
        "last_charge_status": storable_text(member.last_charge_status, 32),
        "last_charge_date": storable_moment(member.last_charge_date),
        "next_charge_date": storable_moment(member.next_charge_date),
        "currently_entitled_amount_cents": storable_amount(member.currently_entitled_amount_cents),
        "will_pay_amount_cents": storable_amount(member.will_pay_amount_cents),
        "campaign_lifetime_support_cents": storable_amount(member.campaign_lifetime_support_cents),
        "pledge_cadence": storable_months(member.pledge_cadence),
        "pledge_relationship_start": storable_moment(member.pledge_relationship_start),
        "is_gifted": bool(member.is_gifted),
        "is_free_trial": bool(member.is_free_trial),
    }
    # Not every answer has these. A value that is missing changes nothing.
    given = {
        "full_name": storable_text(member.full_name or full_name, 255),
        "note": member.note,
        "lifetime_support_cents": storable_amount(member.lifetime_support_cents),
        "is_follower": member.is_follower,
        # An address is not cut to fit: the rest would be another person's address.
        "email": None if len(member.email or "") > 254 else member.email,
    }
    columns |= {name: value for name, value in given.items() if value is not None}
    if user_id:
        columns |= {"patreon_user_id": user_id, "account_id": account.pk if account else None}
    if not patreon_settings().STORE_EMAIL:
        columns["email"] = ""
    tier_ids = None if member.tier_ids is None else dict.fromkeys(member.tier_ids)
    held = None if tier_ids is None else [tiers[key] for key in tier_ids]
    row = row or Membership(patreon_id=member.id, fetched_at=fetched_at)
    return write_membership(row, columns, held, fetched_at, saved)


def _columns_of_nothing() -> dict[str, Any]:
    """Return the columns of a membership that Patreon no longer lists."""
    columns: dict[str, Any] = {"currently_entitled_amount_cents": 0, "will_pay_amount_cents": 0}
    return columns if patreon_settings().STORE_EMAIL else columns | {"email": ""}
