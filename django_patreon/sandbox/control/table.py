"""What a control is, and the values that several controls read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.world.models import Person, Tier

__all__ = ["Control", "campaign_id_of", "person_of", "text_of", "tier_of"]


@dataclass(frozen=True)
class Control:
    """One control. `handler` takes the JSON object of the request and returns JSON.

    It raises `ValueError`, which is answered with 400.
    """

    method: str
    path: str
    description: str
    handler: Callable[[Core, dict[str, Any]], Any]


def text_of(given: dict[str, Any], name: str) -> str:
    """Return a text. Raises `ValueError`."""
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError(f"{name} must be text of 1 to 200 characters")
    return value


def person_of(core: Core, given: dict[str, Any]) -> Person:
    """Return the person of `user`, a slug or user id. Raises `ValueError`."""
    slug = given.get("user")
    person = core.world.person_called(slug) if isinstance(slug, str) else None
    if person is None:
        raise ValueError("user: nobody is called that")
    return person


def campaign_id_of(core: Core, given: dict[str, Any]) -> str:
    """Return the id of `campaign`, the first one by default. Raises `ValueError`."""
    key = given.get("campaign", HOME)
    if not isinstance(key, str) or key not in core.world.campaigns:
        raise ValueError(f"campaign must be one of: {', '.join(core.world.campaigns)}")
    return key


def tier_of(core: Core, campaign_id: str, name: Any) -> Tier:
    """Return the tier of a campaign with this title or id. Raises `ValueError`."""
    campaign = core.world.campaigns[campaign_id]
    tier = campaign.tier_called(name) if isinstance(name, str) else None
    if tier is None:
        raise ValueError(f"tier must be one of: {', '.join(each.title for each in campaign.tiers)}")
    return tier
