"""Pages of long lists: `page[count]`, `page[cursor]`, and the forms of the last page."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django_patreon.sandbox.web.errors import api_error
from django_patreon.sandbox.web.messages import Request, Response

__all__ = ["InvalidCursor", "Page", "cut_page"]


class InvalidCursor(Exception):
    """A cursor that the sandbox did not make, or that is out of date."""

    def response(self) -> Response:
        """Return Patreon's 400. `code` and `source` are official; the texts are unknown."""
        return api_error(
            400,
            code=3,
            code_name="ParameterInvalid",
            title="Invalid value for parameter 'page[cursor]'.",
            detail="Invalid cursor.",
            source={"parameter": "page[cursor]"},
        )


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: its items, and the `meta` and `links` that lead to the next page."""

    items: Sequence[Any]
    meta: dict[str, Any]
    links: dict[str, Any] | None


def cut_page(
    items: Sequence[Any],
    request: Request,
    *,
    url: str,
    most: int,
    last_page: str,
    next_link: str = "whole",
    keep: Callable[[Any], bool] = lambda item: True,
) -> Page:
    """Return the page that the request asks for. Raises `InvalidCursor`.

    Only items of which `keep` is true are listed; it reads no more items than it needs. A count
    above `most` counts as `most`, and a senseless one as none (unknown at Patreon).
    """
    query = dict(request.query)
    wanted = query.get("page[count]", "")
    number = int(wanted) if re.fullmatch("[0-9]{1,9}", wanted) else 0
    count = min(number, most) if number else most
    start = _start(query["page[cursor]"], len(items)) if query.get("page[cursor]") else 0
    chosen, end = _gather(items, start, count, keep)
    meta: dict[str, Any] = {"total": len(items)}
    if not items:
        return Page(items=(), meta=meta, links=None)  # an empty list has only a total (observed)
    if end < len(items):
        cursor = _cursor(end, len(items))
        meta["cursors"] = {"next": cursor}
        again = [pair for pair in request.query if pair[0] != "page[cursor]"]
        if next_link == "cursor only":
            again = []
        link = f"{url}{request.path}?{urlencode([*again, ('page[cursor]', cursor)])}"
        return Page(items=chosen, meta=meta, links={"next": link})
    meta["cursors"] = {"next": None} if last_page.startswith("null") else {}
    links = {"next": None} if last_page.endswith("null link") else None
    return Page(items=chosen, meta=meta, links=links)


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
    """Return the position in a cursor. Raises `InvalidCursor` if the list has changed since."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        position, _, then = text.partition("/")
        if int(then) == total and 0 < int(position) < total:
            return int(position)
    except (binascii.Error, ValueError):
        pass
    raise InvalidCursor
