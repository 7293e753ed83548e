"""Asking Patreon about one member, with the creator's token."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.utils import timezone

from django_patreon import tokens
from django_patreon.exceptions import MalformedAnswer, ReconnectRequired, Refused
from django_patreon.models import Campaign, Source
from django_patreon.resources import Member

from .departures import demote, members_of
from .memberships import save_member
from .ours import NOT_CONNECTED, connected_creator
from .retrying import retried
from .writing import Saved

__all__ = ["sync_member"]

PATIENCE = 30.0
"""Seconds for which a member is asked for again when Patreon does not answer."""


def sync_member(
    campaign: Campaign,
    patreon_id: str,
    *,
    source: Source = Source.CHECK,
    patience: float | None = None,
) -> Saved:
    """Ask Patreon about one member of a connected campaign, and save the answer.

    `patreon_id` is the membership's, and `source` why it is asked for. `patience`: seconds for
    which a failed request is repeated. A member whom Patreon does not know (404) is demoted. Raises
    `ReconnectRequired` if the campaign is not connected, `MalformedAnswer` if the answer is about
    another member, and what `client.member` raises. It saves nothing then.
    """
    creator = connected_creator(campaign)
    if creator is None:
        raise ReconnectRequired(NOT_CONNECTED)
    fetched_at = timezone.now()  # before Patreon answers: no later than what the answer says
    try:
        member = tokens.client_for(
            creator, patience=PATIENCE if patience is None else patience
        ).member(patreon_id)
    except Refused as error:
        # Without a code it is not from Patreon's API: a page of the edge, or of a proxy.
        if error.status != 404 or not error.code:
            raise
        known = members_of(campaign).filter(patreon_id=patreon_id)
        gone = list(known.values_list("patreon_id", flat=True))
        return Saved(ended=retried(partial(demote, gone, fetched_at, source=source)))
    if member.id != patreon_id or member.campaign_id not in (None, campaign.patreon_id):
        raise MalformedAnswer(
            "Patreon answered about another member than the one that was asked for.", status=200
        )
    return retried(partial(_save, member, campaign, fetched_at, source))


def _save(member: Member, campaign: Campaign, fetched_at: datetime, source: Source) -> Saved:
    saved = Saved()
    save_member(
        member,
        campaign=campaign,
        tiers={each.id: each for each in member.tiers},
        fetched_at=fetched_at,
        saved=saved,
        source=source,
    )
    return saved
