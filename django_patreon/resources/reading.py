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
    for name, reader in _attributes(build):
        values[name] = reader(has.get(name))
    for name, relations in _one(build):
        found = (related_id(item, each) for each in relations)
        related = next((each for each in found if each is not None), None)
        values[name] = text(has.get(name)) if related is None else related
    for name, relations in _many(build):
        listed = (related_ids(item, each) for each in relations)
        values[name] = next((each for each in listed if each is not None), None)
    if kind is Post and values["tier_ids"] is None:
        values["tier_ids"] = texts(has.get("tiers"))  # an attribute, for posts (official)
    if "email" in values:
        values["email"] = values["email"] or None
    if included is not None:
        values["included"] = included
    return cast("T", build(id=key, **values))


@cache
def _attributes(kind: Any) -> list[tuple[str, Callable[[Any], Any]]]:
    hints = typing.get_type_hints(kind)
    related = {"id", "included", *_ONE, *_MANY}
    return [
        (each.name, word if each.name in _WORDS else _READERS[hints[each.name]])
        for each in dataclasses.fields(kind)
        if each.name not in related
    ]


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
