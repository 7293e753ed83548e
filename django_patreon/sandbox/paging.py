"""Pages: `page[count]`, `page[cursor]`, and the shapes in which a last page has been seen."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .http import Request, Response, api_error

__all__ = ["LAST_PAGES", "InvalidCursor", "Slice", "cut"]

LAST_PAGES = (
    "null cursor, no links",
    "null cursor, null link",
    "no cursor, no links",
    "no cursor, null link",
)
"""All four have been seen on last pages (observed): a client has to take each for the end."""


class InvalidCursor(Exception):
    """A cursor that is not ours, or no more."""

    def response(self) -> Response:
        """`code` 3 and the parameter are official; the texts are unknown."""
        return api_error(
            400,
            code=3,
            code_name="ParameterInvalid",
            title="Invalid value for parameter 'page[cursor]'.",
            detail="Invalid cursor.",
            source={"parameter": "page[cursor]"},
        )


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One page: its items, and what says where the next one is."""

    items: Sequence[Any]
    meta: dict[str, Any]
    links: dict[str, Any] | None


def cut(
    items: Sequence[Any],
    request: Request,
    *,
    url: str,
    most: int,
    last_page: str,
    next_link: str = "whole",
    keep: Callable[[Any], bool] = lambda item: True,
) -> Slice:
    """Cut the page that is asked for. Raises `InvalidCursor`.

    Items that `keep` refuses are left out; only the items of this page are looked at.
    A count above the most is taken for the most, and nonsense for none given: unknown at Patreon.
    """
    query = dict(request.query)
    wanted = query.get("page[count]", "")
    number = int(wanted) if re.fullmatch("[0-9]{1,9}", wanted) else 0
    count = min(number, most) if number else most
    start = _start(query["page[cursor]"], len(items)) if query.get("page[cursor]") else 0
    chosen, end = _gather(items, start, count, keep)
    meta: dict[str, Any] = {"total": len(items)}
    if not items:
        return Slice(items=(), meta=meta, links=None)  # an empty list has a total only (observed)
    if end < len(items):
        cursor = _cursor(end, len(items))
        meta["cursors"] = {"next": cursor}
        again = [pair for pair in request.query if pair[0] != "page[cursor]"]
        if next_link == "cursor only":
            again = []
        link = f"{url}{request.path}?{urlencode([*again, ('page[cursor]', cursor)])}"
        return Slice(items=chosen, meta=meta, links={"next": link})
    meta["cursors"] = {"next": None} if last_page.startswith("null") else {}
    links = {"next": None} if last_page.endswith("null link") else None
    return Slice(items=chosen, meta=meta, links=links)


def _gather(
    items: Sequence[Any], start: int, count: int, keep: Callable[[Any], bool]
) -> tuple[list[Any], int]:
    """Return up to `count` items that are kept, and the position of the next one."""
    chosen: list[Any] = []
    for position in range(start, len(items)):
        item = items[position]
        if keep(item):
            if len(chosen) == count:
                return chosen, position
            chosen.append(item)
    return chosen, len(items)


def _cursor(position: int, total: int) -> str:
    return base64.urlsafe_b64encode(f"{position}/{total}".encode()).decode().rstrip("=")


def _start(cursor: str, total: int) -> int:
    """A cursor is for the list as it was: when that has changed it is stale."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        position, _, then = text.partition("/")
        if int(then) == total and 0 < int(position) < total:
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise InvalidCursor
