"""A reading: what one answer of Patreon's says of one membership, as values for columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django_patreon.columns import fit
from django_patreon.conf import patreon_settings
from django_patreon.models import Membership
from django_patreon.resources import Member

__all__ = ["Reading", "ended_reading", "reading_of", "unlisted_reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says of a membership. `columns` has only what the answer says."""

    patreon_id: str
    columns: dict[str, Any]
    tier_ids: tuple[str, ...] | None = None
    """The entitled tiers; None when the answer did not list any."""
    user_id: str = ""
    """Patreon's id of the person; "" when the answer did not say."""
    digest: str = ""


def reading_of(
    member: Member,
    *,
    campaign_id: str,
    user_id: str | None = None,
    full_name: str | None = None,
    digest: str = "",
) -> Reading:
    """Return what `member` says. `user_id` and `full_name` are used where it does not say them."""
    columns: dict[str, Any] = {
        "patron_status": member.patron_status,
        "last_charge_status": member.last_charge_status,
        "last_charge_date": member.last_charge_date,
        "next_charge_date": member.next_charge_date,
        "currently_entitled_amount_cents": member.currently_entitled_amount_cents,
        "will_pay_amount_cents": member.will_pay_amount_cents,
        "campaign_lifetime_support_cents": member.campaign_lifetime_support_cents,
        "pledge_cadence": member.pledge_cadence,
        "pledge_relationship_start": member.pledge_relationship_start,
        "is_gifted": bool(member.is_gifted),
        "is_free_trial": bool(member.is_free_trial),
    }
    # Not every answer has these. A value that is missing changes nothing.
    given = {
        "full_name": member.full_name or full_name,
        "note": member.note,
        "lifetime_support_cents": member.lifetime_support_cents,
        "is_follower": member.is_follower,
        "email": member.email,
    }
    columns = fit(Membership, columns)
    columns |= {n: value for n, value in fit(Membership, given).items() if value is not None}
    columns["campaign_id"] = campaign_id
    if not patreon_settings().STORE_EMAIL:
        columns["email"] = ""
    tier_ids = None if member.tier_ids is None else tuple(dict.fromkeys(member.tier_ids))
    return Reading(member.id, columns, tier_ids, member.user_id or user_id or "", digest)


def unlisted_reading(patreon_id: str) -> Reading:
    """Return the reading of a membership that an identity answer should list and does not."""
    columns: dict[str, Any] = {"currently_entitled_amount_cents": 0, "will_pay_amount_cents": 0}
    if not patreon_settings().STORE_EMAIL:
        columns["email"] = ""
    return Reading(patreon_id, columns, ())


def ended_reading(patreon_id: str) -> Reading:
    """Return the reading of a membership that the whole list of a campaign no longer has."""
    unlisted = unlisted_reading(patreon_id)
    over = {"patron_status": None, "last_charge_status": None}
    flags = {"is_gifted": False, "is_free_trial": False}
    return Reading(patreon_id, {**unlisted.columns, **over, **flags}, ())
