"""Everything that is kept about one person on Patreon, as plain data."""

from __future__ import annotations

from typing import Any

from .account import PatreonAccount, memberships_as_plain
from .membership import Membership

__all__ = ["export_person"]


def export_person(patreon_id: str) -> dict[str, Any] | None:
    """Return what is kept about a person, who may never have signed in here, without any secret.

    `patreon_id` is Patreon's id of the person. The values are those of `PatreonAccount.export`;
    "account" is None for a person without one. Returns None if nothing is kept.
    """
    account = PatreonAccount.objects.filter(patreon_id=patreon_id).first()
    memberships = memberships_as_plain(Membership.objects.filter(patreon_user_id=patreon_id))
    if account is None and not memberships:
        return None
    profile = account.export() if account else {}
    profile.pop("memberships", None)
    return {
        "patreon_id": patreon_id,
        "passes": profile.pop("passes", []),
        "account": profile or None,
        "memberships": memberships,
        "campaigns": [
            {"id": each.patreon_id, "name": each.name}
            for each in (account.campaigns.order_by("pk") if account else [])
        ],
    }
