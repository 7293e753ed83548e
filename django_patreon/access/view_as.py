"""Staff look at the site as a patron of some tier: a creator cannot be their own patron."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings

from django_patreon.conf import patreon_settings
from django_patreon.entitlement import Facts, MembershipFacts, Subject, TierFacts

from .loading import Known

if TYPE_CHECKING:
    from django.http import HttpResponseBase

__all__ = [
    "VIEW_AS",
    "forget_view_as",
    "is_staff",
    "may_view_as",
    "pretended",
    "remember_view_as",
]

VIEW_AS = "patreon_view_as"
"""The session's key for the tier that a member of staff pretends to hold, "" for none. Also the
name of a cookie that says only that the session has such a key."""


def is_staff(user: Any) -> bool:
    return bool(getattr(user, "is_staff", False)) and bool(user.is_active)


def may_view_as(user: Any) -> bool:
    """Say whether somebody may look at the site as a patron.

    Staff may, if they pass every gate anyway. If they do not (`STAFF_BYPASS`), pretending would let
    them in, so only superusers may, who could give themselves a pass.
    """
    if not is_staff(user):
        return False
    return patreon_settings().STAFF_BYPASS or bool(getattr(user, "is_superuser", False))


def pretended(known: Known, campaign_id: str | None, tier_id: str, *, now: datetime) -> Facts:
    """Return the facts of somebody who holds this tier of its campaign and pays for it.

    A free tier makes a free member, and "" or an unknown tier somebody without a membership. A ban
    of the real person still applies.
    """
    tier = known.tiers.get(tier_id)
    memberships: tuple[MembershipFacts, ...] = ()
    if tier is not None:
        pays = tier.amount_cents is None or tier.amount_cents > 0
        memberships = (
            MembershipFacts(
                campaign_id=tier.campaign_id,
                fetched_at=now,
                patron_status="active_patron" if pays else None,
                last_charge_status="Paid" if pays else None,
                # A tier whose price is not known counts as paid.
                currently_entitled_amount_cents=(tier.amount_cents or 1) if pays else 0,
                pledge_cadence=1 if pays else None,
                tiers=(TierFacts(tier.id, tier.amount_cents),),
            ),
        )
    return Facts(
        campaign_id=campaign_id,
        now=now,
        subject=Subject(is_linked=True),
        memberships=memberships,
        grants=tuple(each for each in known.grants if each.deny),
    )


def remember_view_as(response: HttpResponseBase) -> None:
    """Set the cookie that says that the session has the key."""
    response.set_cookie(
        VIEW_AS,
        "1",
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def forget_view_as(response: HttpResponseBase) -> None:
    """Delete that cookie."""
    response.delete_cookie(
        VIEW_AS,
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
