"""One resource of a document into its dataclass, by the dataclass's own annotations."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from django_patreon.secret import Secret

from .campaigns import (
    Benefit,
    Campaign,
    Deliverable,
    Goal,
    LiveAccessRule,
    Media,
    Post,
    Tier,
)
from .people import Address, Member, PledgeEvent, User
from .program import Client, Live, Webhook
from .resource import Included
from .values import (
    attributes_of,
    flag,
    mapping,
    moment,
    number,
    related_id,
    related_ids,
    secret,
    text,
    texts,
    word,
)

__all__ = ["KINDS", "read"]

T = TypeVar("T")

KINDS: dict[str, type[Any]] = {
    "address": Address,
    "benefit": Benefit,
    "campaign": Campaign,
    "client": Client,
    "deliverable": Deliverable,
    "goal": Goal,
    "live": Live,
    "live-access-rule": LiveAccessRule,
    "media": Media,
    "member": Member,
    "pledge-event": PledgeEvent,
    "post": Post,
    "tier": Tier,
    "user": User,
    "webhook": Webhook,
}
# Fields that hold ids of other resources, and the relations they come from.
_ONE = {
    "address_id": ("address",),
    "campaign_id": ("campaign",),
    "client_id": ("client",),
    "creator_id": ("creator",),
    "media_id": ("tier_image",),
    "tier_id": ("tier",),
    "user_id": ("user", "patron"),
}
_MANY = {
    "benefit_ids": ("benefits",),
    "deliverable_ids": ("deliverables",),
    "goal_ids": ("goals",),
    "live_access_rule_ids": ("live_access_rules",),
    "pledge_event_ids": ("pledge_history",),
    "tier_ids": ("currently_entitled_tiers", "tiers"),
}
_WORDS = frozenset({"patron_status", "last_charge_status"})
_READERS: dict[Any, Callable[[Any], Any]] = {
    str | None: text,
    bool | None: flag,
    int | None: number,
    datetime | None: moment,
    tuple[str, ...] | None: texts,
    Mapping[str, Any] | None: mapping,
    Secret: secret,
}


def read(kind: type[T], key: str, item: dict[str, Any], included: Included | None = None) -> T:
    """Build the dataclass. What is absent, null or of another type is None (or empty)."""
    has = attributes_of(item)
    build: Any = kind
    values: dict[str, Any] = {}
    readers = _attributes(build)
    for name, value in has.items():
        if name in readers:
            values[name] = readers[name](value)
    for name, relations in _one(build):
        related = _first(related_id, item, relations)
        values[name] = text(has.get(name)) if related is None else related
    for name, relations in _many(build):
        values[name] = _first(related_ids, item, relations)
    if kind is Post and values["tier_ids"] is None:
        values["tier_ids"] = texts(has.get("tiers"))  # an attribute, for posts (official)
    if values.get("email") == "":
        values["email"] = None
    if included is not None:
        values["included"] = included
    return cast("T", build(id=key, **values))


def _first(find: Callable[[Any, str], T | None], item: Any, relations: tuple[str, ...]) -> T | None:
    """Return what the first of these relations that the item has leads to."""
    for each in relations:
        found = find(item, each)
        if found is not None:
            return found
    return None


@cache
def _attributes(kind: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the readers of attributes. What no reader is called for has its default, None."""
    hints = typing.get_type_hints(kind)
    related = {"id", "included", *_ONE, *_MANY}
    return {
        each.name: word if each.name in _WORDS else _READERS[hints[each.name]]
        for each in dataclasses.fields(kind)
        if each.name not in related
    }


@cache
def _one(kind: Any) -> list[tuple[str, tuple[str, ...]]]:
    return _relations(kind, _ONE)


@cache
def _many(kind: Any) -> list[tuple[str, tuple[str, ...]]]:
    return _relations(kind, _MANY)


def _relations(
    kind: type[Any], known: dict[str, tuple[str, ...]]
) -> list[tuple[str, tuple[str, ...]]]:
    names = {each.name for each in dataclasses.fields(kind)}
    return [(name, relations) for name, relations in known.items() if name in names]
