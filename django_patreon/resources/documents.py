"""Patreon's JSON:API documents, read. Pure: no Django, no HTTP, no clock.

Written for a foreign API that promises little: an attribute that is absent, null or of another type
than documented is None, an unknown one is ignored. Only a document that is not about what was asked
is an error; a broken item in a list is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .types import Campaign, Identity, Member, Page, Tier, User
from .values import attributes_of, flag, id_of, moment, number, related_id, related_ids, text

__all__ = [
    "MalformedDocument",
    "parse_campaigns",
    "parse_identity",
    "parse_member",
    "parse_members_page",
]

T = TypeVar("T")


class MalformedDocument(ValueError):
    """The document is not what was asked for. The message quotes nothing of it."""


def parse_identity(document: Any) -> Identity:
    """Read the answer of `/identity`.

    Raises `MalformedDocument` unless it is about one user with an id.
    """
    data = _one(document, "user")
    included = _included(document)
    return Identity(
        user=_user(data["id"], attributes_of(data)),
        memberships=tuple(_member(key, item) for key, item in included["member"].items()),
        campaigns={key: _campaign(key, item) for key, item in included["campaign"].items()},
        tiers={key: _tier(key, item) for key, item in included["tier"].items()},
        campaign_id=related_id(data, "campaign"),
    )


def parse_member(document: Any) -> Member:
    """Read the answer of `/members/{id}`. Raises `MalformedDocument` unless it is about one."""
    data = _one(document, "member")
    return _member(data["id"], data)


def parse_members_page(document: Any) -> Page[Member]:
    """Read one page of a campaign's members. Raises `MalformedDocument` unless it is a list."""
    return _page(document, "member", _member)


def parse_campaigns(document: Any) -> Page[Campaign]:
    """Read the answer of `/campaigns`. Raises `MalformedDocument` unless it is a list."""
    return _page(document, "campaign", _campaign)


def _page(document: Any, kind: str, read: Callable[[str, dict[str, Any]], T]) -> Page[T]:
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise MalformedDocument("it has no list under 'data'")
    items = [
        (key, item)
        for item in document["data"]
        if isinstance(item, dict) and item.get("type") == kind and (key := id_of(item)) is not None
    ]
    included = _included(document)
    paging = _object(_object(document, "meta"), "pagination")
    cursor = _object(paging, "cursors").get("next")
    return Page(
        items=tuple(read(key, item) for key, item in items),
        tiers={key: _tier(key, item) for key, item in included["tier"].items()},
        users={key: _user(key, attributes_of(item)) for key, item in included["user"].items()},
        total=number(paging.get("total")),
        next_cursor=cursor if isinstance(cursor, str) and cursor else None,
        skipped=len(document["data"]) - len(items),
    )


def _object(container: dict[str, Any], name: str) -> dict[str, Any]:
    found = container.get(name)
    return found if isinstance(found, dict) else {}


def _one(document: Any, kind: str) -> dict[str, Any]:
    """Return the resource that a document is about, known to be of that kind and to have an id."""
    if not isinstance(document, dict):
        raise MalformedDocument("it is not an object")
    if document.get("errors"):
        raise MalformedDocument("it reports errors")
    data = document.get("data")
    if not isinstance(data, dict):
        raise MalformedDocument("it has no object under 'data'")
    if data.get("type") != kind:
        raise MalformedDocument(f"it is not about a {kind}")
    if id_of(data) is None:
        raise MalformedDocument(f"the {kind} has no id")
    return data


def _included(document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Sort the included resources by type and id."""
    kinds = ("member", "campaign", "tier", "user")
    found: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in kinds}
    items = document.get("included")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        kind, key = item.get("type"), id_of(item)
        if isinstance(kind, str) and kind in found and key is not None:
            found[kind][key] = item
    return found


def _user(key: str, has: dict[str, Any]) -> User:
    return User(
        id=key,
        full_name=text(has.get("full_name")),
        first_name=text(has.get("first_name")),
        last_name=text(has.get("last_name")),
        vanity=text(has.get("vanity")),
        email=text(has.get("email")) or None,
        is_email_verified=flag(has.get("is_email_verified")),
        image_url=text(has.get("image_url")),
        url=text(has.get("url")),
    )


def _campaign(key: str, item: dict[str, Any]) -> Campaign:
    has = attributes_of(item)
    return Campaign(
        id=key,
        name=text(has.get("name")),
        vanity=text(has.get("vanity")),
        url=text(has.get("url")),
        currency=text(has.get("currency")),
        pledge_url=text(has.get("pledge_url")),
        is_monthly=flag(has.get("is_monthly")),
        tier_ids=related_ids(item, "tiers"),
    )


def _tier(key: str, item: dict[str, Any]) -> Tier:
    has = attributes_of(item)
    return Tier(
        id=key,
        title=text(has.get("title")),
        amount_cents=number(has.get("amount_cents")),
        published=flag(has.get("published")),
        url=text(has.get("url")),
    )


def _member(key: str, item: dict[str, Any]) -> Member:
    has = attributes_of(item)
    return Member(
        id=key,
        campaign_id=related_id(item, "campaign"),
        user_id=related_id(item, "user"),
        full_name=text(has.get("full_name")),
        email=text(has.get("email")) or None,
        note=text(has.get("note")),
        tier_ids=related_ids(item, "currently_entitled_tiers"),
        patron_status=text(has.get("patron_status")),
        last_charge_status=text(has.get("last_charge_status")),
        last_charge_date=moment(has.get("last_charge_date")),
        next_charge_date=moment(has.get("next_charge_date")),
        currently_entitled_amount_cents=number(has.get("currently_entitled_amount_cents")),
        will_pay_amount_cents=number(has.get("will_pay_amount_cents")),
        campaign_lifetime_support_cents=number(has.get("campaign_lifetime_support_cents")),
        lifetime_support_cents=number(has.get("lifetime_support_cents")),
        pledge_cadence=number(has.get("pledge_cadence")),
        pledge_relationship_start=moment(has.get("pledge_relationship_start")),
        is_gifted=flag(has.get("is_gifted")),
        is_free_trial=flag(has.get("is_free_trial")),
        is_follower=flag(has.get("is_follower")),
    )
