"""A reading: what one answer of Patreon's says of one membership, as values for columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django_patreon.conf import patreon_settings
from django_patreon.resources import Member

from .columns import storable_amount, storable_moment, storable_months, storable_text

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
        "campaign_id": campaign_id,
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
