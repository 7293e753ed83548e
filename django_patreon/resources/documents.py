"""Patreon's JSON:API documents, read. Pure: no Django, no HTTP, no clock.

Written for a foreign API that promises little: an attribute that is absent, null or of another type
than documented is None, an unknown one is ignored. Only a document that is not about what was asked
is an error; a broken item in a list is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, TypeVar

from .answers import Identity, Listed, Page
from .campaigns import Campaign, Post
from .people import Member, User
from .program import Webhook
from .reading import KINDS, read
from .values import id_of, names_nobody, number, related_id

__all__ = [
    "MalformedDocument",
    "parse_campaign",
    "parse_campaigns",
    "parse_identity",
    "parse_listed_members",
    "parse_member",
    "parse_members_page",
    "parse_post",
    "parse_posts_page",
    "parse_webhook",
    "parse_webhooks",
    "read_listed",
]

T = TypeVar("T")


class MalformedDocument(ValueError):
    """The document is not what was asked for. The message quotes nothing of it."""


def parse_identity(document: Any) -> Identity:
    """Read the answer of `/identity`.

    Raises `MalformedDocument` unless it is about one user with an id.
    """
    data = _one(document, "user")
    included, skipped = _read_included(document)
    return Identity(
        user=read(User, data["id"], data),
        memberships=tuple(included["member"].values()),
        campaigns=included["campaign"],
        tiers=included["tier"],
        campaign_id=related_id(data, "campaign"),
        skipped=skipped,
    )


def parse_member(document: Any) -> Member:
    """Read the answer of `/members/{id}`. Raises `MalformedDocument` unless it is about one."""
    return _read_one(document, Member, "member")


def parse_members_page(document: Any) -> Page[Member]:
    """Read one page of a campaign's members. Raises `MalformedDocument` unless it is a list."""
    return _page(document, Member, "member")


def parse_listed_members(document: Any) -> Page[Listed]:
    """Like `parse_members_page`, but leave the members to be read by `read_listed` when needed."""
    return _page(document, Listed, "member")


def read_listed(listed: Listed) -> Member:
    """Read a member of a list."""
    return read(Member, listed.id, listed.item, listed.included)


def parse_campaign(document: Any) -> Campaign:
    """Read the answer of `/campaigns/{id}`. Raises `MalformedDocument` unless it is about one."""
    return _read_one(document, Campaign, "campaign")


def parse_campaigns(document: Any) -> Page[Campaign]:
    """Read the answer of `/campaigns`. Raises `MalformedDocument` unless it is a list."""
    return _page(document, Campaign, "campaign")


def parse_post(document: Any) -> Post:
    """Read the answer of `/posts/{id}`. Raises `MalformedDocument` unless it is about one."""
    return _read_one(document, Post, "post")


def parse_posts_page(document: Any) -> Page[Post]:
    """Read one page of a campaign's posts. Raises `MalformedDocument` unless it is a list."""
    return _page(document, Post, "post")


def parse_webhook(document: Any) -> Webhook:
    """Read the answer of writing a webhook. Raises `MalformedDocument` unless it is about one."""
    return _read_one(document, Webhook, "webhook")


def parse_webhooks(document: Any) -> Page[Webhook]:
    """Read the answer of `/webhooks`. Raises `MalformedDocument` unless it is a list."""
    return _page(document, Webhook, "webhook")


def _read_one(document: Any, kind: type[T], word: str) -> T:
    data = _one(document, word)
    return read(kind, data["id"], data, _included(document))


def _page(document: Any, kind: type[T], word: str) -> Page[T]:
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise MalformedDocument("it has no list under 'data'")
    items = [
        (key, item)
        for item in document["data"]
        if isinstance(item, dict) and item.get("type") == word and (key := _key_of(item))
    ]
    # The users of listed members would be a thousand more objects, of which only ids are used.
    included = _included(document, ("campaign", "tier") if kind is Listed else KINDS)
    make: Any = Listed if kind is Listed else partial(read, kind)
    paging = _object(_object(document, "meta"), "pagination")
    cursor = _object(paging, "cursors").get("next")
    if isinstance(cursor, str) and not (cursor.isascii() and cursor.isprintable()):
        raise MalformedDocument("the cursor of its next page cannot be used")
    total = number(paging.get("total"))
    return Page(
        items=tuple(make(key, item, included) for key, item in items),
        included=included,
        total=total if total is not None and 0 <= total < 2**31 else None,
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
    if _key_of(data) is None:
        raise MalformedDocument(f"the {kind} has no id that can be used")
    return data


def _key_of(item: dict[str, Any]) -> str | None:
    """Return the id under which a resource is kept; None for a member whose person or campaign has
    an id that cannot be used."""
    is_unclear = item.get("type") == "member" and (
        names_nobody(item, "user") or names_nobody(item, "campaign")
    )
    return None if is_unclear else id_of(item)


def _included(
    document: dict[str, Any], kinds: Collection[str] = tuple(KINDS)
) -> dict[str, dict[str, Any]]:
    return _read_included(document, kinds)[0]


def _read_included(
    document: dict[str, Any], kinds: Collection[str] = tuple(KINDS)
) -> tuple[dict[str, dict[str, Any]], int]:
    """Read the included resources of these types, by type and id; return also how many of them had
    no usable id."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    skipped = 0
    items = document.get("included")
    for item in items if isinstance(items, list) else ():
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or kind not in found:
            continue
        key = _key_of(item)
        if key is None:
            skipped += 1
        else:
            found[kind][key] = read(KINDS[kind], key, item)
    return found, skipped
