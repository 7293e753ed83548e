"""Patreon's JSON:API documents as frozen dataclasses. Pure: no Django, no HTTP, no clock.

Written for a foreign API that promises little: an attribute that is absent, null or of another type
than documented is None, an unknown one is ignored, a relation that is not there is None (unknown)
while an empty one is `()` (none). Only a document that is not about what was asked is an error.

Amounts are cents of the campaign's currency; for a pledge of twelve months, of all twelve. Times
are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "IDENTITY_FIELDS",
    "IDENTITY_INCLUDE",
    "Campaign",
    "Identity",
    "MalformedDocument",
    "Member",
    "Tier",
    "User",
    "parse_identity",
]

IDENTITY_INCLUDE = (
    "memberships.currently_entitled_tiers",
    "memberships.campaign",
    "campaign",
)
# No more than we use: one field that Patreon has dropped makes the whole call a 400 (observed).
IDENTITY_FIELDS = {
    "user": (
        "email",
        "first_name",
        "full_name",
        "image_url",
        "is_email_verified",
        "last_name",
        "url",
        "vanity",
    ),
    "member": (
        "campaign_lifetime_support_cents",
        "currently_entitled_amount_cents",
        "is_free_trial",
        "is_gifted",
        "last_charge_date",
        "last_charge_status",
        "next_charge_date",
        "patron_status",
        "pledge_cadence",
        "pledge_relationship_start",
        "will_pay_amount_cents",
    ),
    "campaign": ("is_monthly", "pledge_url", "url", "vanity"),
    "tier": ("amount_cents", "published", "title", "url"),
}

LONGEST_ID = 64
"""Ids are digits or a UUID of 36 characters (observed); longer is not one."""


class MalformedDocument(ValueError):
    """The document is not what was asked for. The message quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person on Patreon."""

    id: str
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    vanity: str | None = None
    email: str | None = field(default=None, repr=False)
    is_email_verified: bool | None = None
    image_url: str | None = field(default=None, repr=False)
    url: str | None = None

    @property
    def verified_email(self) -> str | None:
        """The address, if Patreon says that the person proved to own it."""
        return self.email if self.is_email_verified is True else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A creator's page."""

    id: str
    vanity: str | None = None
    url: str | None = None
    pledge_url: str | None = None
    is_monthly: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a campaign sells. Every campaign has a free one, of 0 cents (observed)."""

    id: str
    title: str | None = None
    amount_cents: int | None = None
    published: bool | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person's relation to one campaign. `id` is the membership's, not the person's."""

    id: str
    campaign_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    patron_status: str | None = None
    last_charge_status: str | None = None
    last_charge_date: datetime | None = None
    next_charge_date: datetime | None = None
    currently_entitled_amount_cents: int | None = None
    will_pay_amount_cents: int | None = None
    campaign_lifetime_support_cents: int | None = None
    pledge_cadence: int | None = None
    """Months that one payment covers: 1 or 12 (observed)."""
    pledge_relationship_start: datetime | None = None
    is_gifted: bool | None = None
    is_free_trial: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token belongs to, and what their token shows of their memberships."""

    user: User
    memberships: tuple[Member, ...] = ()
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    campaign_id: str | None = None
    """The person's own campaign, for a creator."""


def parse_identity(document: Any) -> Identity:
    """Read the answer of `/identity`.

    Raises `MalformedDocument` unless it is about one user with an id.
    """
    if not isinstance(document, dict):
        raise MalformedDocument("it is not an object")
    if document.get("errors"):
        raise MalformedDocument("it reports errors")
    data = document.get("data")
    if not isinstance(data, dict):
        raise MalformedDocument("it has no object under 'data'")
    if data.get("type") != "user":
        raise MalformedDocument("it is not about a user")
    user_id = _id(data)
    if user_id is None:
        raise MalformedDocument("the user has no id")
    included = _included(document)
    return Identity(
        user=_user(user_id, _attributes(data)),
        memberships=tuple(_member(key, item) for key, item in included["member"].items()),
        campaigns={key: _campaign(key, item) for key, item in included["campaign"].items()},
        tiers={key: _tier(key, item) for key, item in included["tier"].items()},
        campaign_id=_related_id(data, "campaign"),
    )


def _included(document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Sort the included resources by type and id."""
    found: dict[str, dict[str, dict[str, Any]]] = {"member": {}, "campaign": {}, "tier": {}}
    items = document.get("included")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        kind, key = item.get("type"), _id(item)
        if isinstance(kind, str) and kind in found and key is not None:
            found[kind][key] = item
    return found


def _user(key: str, has: dict[str, Any]) -> User:
    return User(
        id=key,
        full_name=_text(has.get("full_name")),
        first_name=_text(has.get("first_name")),
        last_name=_text(has.get("last_name")),
        vanity=_text(has.get("vanity")),
        email=_text(has.get("email")) or None,
        is_email_verified=_flag(has.get("is_email_verified")),
        image_url=_text(has.get("image_url")),
        url=_text(has.get("url")),
    )


def _campaign(key: str, item: dict[str, Any]) -> Campaign:
    has = _attributes(item)
    return Campaign(
        id=key,
        vanity=_text(has.get("vanity")),
        url=_text(has.get("url")),
        pledge_url=_text(has.get("pledge_url")),
        is_monthly=_flag(has.get("is_monthly")),
    )


def _tier(key: str, item: dict[str, Any]) -> Tier:
    has = _attributes(item)
    return Tier(
        id=key,
        title=_text(has.get("title")),
        amount_cents=_number(has.get("amount_cents")),
        published=_flag(has.get("published")),
        url=_text(has.get("url")),
    )


def _member(key: str, item: dict[str, Any]) -> Member:
    has = _attributes(item)
    return Member(
        id=key,
        campaign_id=_related_id(item, "campaign"),
        tier_ids=_related_ids(item, "currently_entitled_tiers"),
        patron_status=_text(has.get("patron_status")),
        last_charge_status=_text(has.get("last_charge_status")),
        last_charge_date=_time(has.get("last_charge_date")),
        next_charge_date=_time(has.get("next_charge_date")),
        currently_entitled_amount_cents=_number(has.get("currently_entitled_amount_cents")),
        will_pay_amount_cents=_number(has.get("will_pay_amount_cents")),
        campaign_lifetime_support_cents=_number(has.get("campaign_lifetime_support_cents")),
        pledge_cadence=_number(has.get("pledge_cadence")),
        pledge_relationship_start=_time(has.get("pledge_relationship_start")),
        is_gifted=_flag(has.get("is_gifted")),
        is_free_trial=_flag(has.get("is_free_trial")),
    )


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    found = item.get("attributes")
    return found if isinstance(found, dict) else {}


def _id(item: Any) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    usable = isinstance(found, str) and 0 < len(found) <= LONGEST_ID and found == _clean(found)
    return found if usable and not found.isspace() else None  # type: ignore[union-attr]


def _relation(item: dict[str, Any], name: str) -> Any:
    relations = item.get("relationships")
    relation = relations.get(name) if isinstance(relations, dict) else None
    return relation.get("data") if isinstance(relation, dict) else None


def _related_id(item: dict[str, Any], name: str) -> str | None:
    return _id(_relation(item, name))


def _related_ids(item: dict[str, Any], name: str) -> tuple[str, ...] | None:
    found = _relation(item, name)
    if not isinstance(found, list):
        return None
    return tuple(key for each in found if (key := _id(each)) is not None)


def _text(value: Any) -> str | None:
    return _clean(value) if isinstance(value, str) else None


def _clean(value: str) -> str:
    """Drop what JSON can carry and a database cannot: NUL and half surrogate pairs."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Any) -> datetime | None:
    """Patreon's times have no fraction, three digits or six, and are UTC (observed)."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
