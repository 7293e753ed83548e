"""Saving the memberships of Patreon's answers: `save_identity` and `save_member`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db import models, router, transaction
from django.utils import timezone

from django_patreon import tokens
from django_patreon.models import Campaign, Membership, PatreonAccount, Source
from django_patreon.resources import Campaign as CampaignResource
from django_patreon.resources import Identity, Member
from django_patreon.resources import Tier as TierResource

from .catalogue import read_campaigns, save_campaigns, save_tiers
from .erasure import keep_again
from .ours import ALL_MEMBERSHIPS, find_our_campaign, our_campaign_ids
from .readings import reading_of, unlisted_reading
from .writing import Saved, apply, locked_memberships, plan

__all__ = ["join_memberships", "may_look_again", "save_identity", "save_member", "sync_account"]

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
            identity,
            account=account,
            scopes=account.scopes,
            fetched_at=fetched_at,
            source=Source.CHECK,
        )


def save_identity(
    identity: Identity,
    *,
    account: PatreonAccount,
    scopes: Collection[str],
    fetched_at: datetime,
    asked: Collection[str] = (),
    by_operator: bool = False,
    source: Source = Source.SIGN_IN,
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
    if identity.skipped:
        logger.warning(
            "Patreon's answer about account %s has %s resources without an id that can be kept:"
            " they are ignored",
            account.patreon_id,
            identity.skipped,
        )
        saved.ignored += identity.skipped
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
    readings = [
        reading_of(
            each,
            campaign_id=each.campaign_id or "",
            user_id=account.patreon_id,
            full_name=identity.user.full_name,
        )
        for each in sorted(members, key=lambda each: each.id)
    ]
    listed = {each.id for each in members}
    rows_of_person = models.Q(patreon_user_id=account.patreon_id)
    known = locked_memberships(rows_of_person | models.Q(patreon_id__in=listed))
    mine = [each for each in known.values() if each.patreon_user_id == account.patreon_id]
    _join(mine, account)
    if source is Source.SIGN_IN:
        keep_again(mine)
    missing = [each for each in mine if each.patreon_id not in listed] if scopes else []
    if missing and ALL_MEMBERSHIPS not in scopes:
        ours = our_campaign_ids()
        missing = [each for each in missing if each.campaign_id in ours]
    readings += [unlisted_reading(each.patreon_id) for each in missing]
    others = any(each.user_id not in ("", account.patreon_id) for each in readings)
    changes = plan(
        readings,
        tiers,
        fetched_at=fetched_at,
        saved=saved,
        rows=known,
        accounts=None if others else {account.patreon_id: account.pk},
    )
    apply(changes, tiers, fetched_at=fetched_at, source=source)
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


def join_memberships(account: PatreonAccount) -> None:
    """Join the memberships that are known of the account's person, and have no account yet."""
    with transaction.atomic(using=router.db_for_write(Membership)):
        known = locked_memberships(models.Q(patreon_user_id=account.patreon_id))
        _join(known.values(), account)


def _join(memberships: Iterable[Membership], account: PatreonAccount) -> None:
    for each in memberships:
        if each.account_id is None:
            each.account = account
            each.save(update_fields=["account"])  # not `update`: receivers of signals keep caches


def save_member(
    member: Member,
    *,
    campaign: Campaign,
    tiers: Mapping[str, TierResource],
    fetched_at: datetime,
    user_id: str | None = None,
    full_name: str | None = None,
    saved: Saved | None = None,
    source: Source = Source.CHECK,
) -> Membership:
    """Save one membership with its tiers in one transaction, and return its row.

    Nothing changes if the row is newer than `fetched_at`. The row gets the account that has the
    person's Patreon id, if there is one. `user_id` and `full_name` are used where `member` does not
    say them.
    """
    listed = dict.fromkeys(member.tier_ids or (), campaign.patreon_id)
    saved = saved or Saved()
    reading = reading_of(
        member, campaign_id=campaign.patreon_id, user_id=user_id, full_name=full_name
    )
    using = router.db_for_write(Membership)
    with transaction.atomic(using=using, savepoint=False):
        rows = save_tiers(listed, tiers, fetched_at)
        changes = plan([reading], rows, fetched_at=fetched_at, saved=saved)
        apply(
            changes,
            rows,
            fetched_at=fetched_at,
            source=source,
            is_news=campaign.synced_at is not None,
        )
        return Membership.objects.using(using).get(patreon_id=member.id)


def _accounts() -> models.QuerySet[PatreonAccount]:
    """Return all accounts, as the primary database knows them."""
    return PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
