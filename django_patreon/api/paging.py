"""Walking through pages without trusting that they end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from django_patreon.resources import Page

__all__ = ["Walk"]


class _HasId(Protocol):
    @property
    def id(self) -> Hashable: ...


T = TypeVar("T", bound=_HasId)


class Walk(Generic[T]):
    """All items of a list, page by page, each once; iterate over it, or over `pages()`.

    Afterwards `complete` says whether this was everything: the last page said that it was the
    last, and there were as many items as Patreon had counted. Whatever must not be done on a part
    of a list (to take a role from whoever was not seen) may be done only then.

    The end is no cursor. A cursor that was there before, or a page without anything new, ends the
    walk as well, but not as a complete one: both have been seen to go on for ever (observed).
    """

    def __init__(self, fetch: Callable[[str | None], Page[T]]) -> None:
        self._fetch = fetch
        self.complete = False
        self.total: int | None = None
        """Patreon's own count, from the newest page."""
        self.seen = 0
        self.skipped = 0

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[T]]:
        """Yield the pages, without what an earlier one has had already."""
        self.complete, self.seen, self.skipped = False, 0, 0
        ids: set[Hashable] = set()
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            page = self._fetch(cursor)
            fresh = tuple({each.id: each for each in page.items if each.id not in ids}.values())
            ids.update(each.id for each in fresh)
            self.seen, self.skipped = len(ids), self.skipped + page.skipped
            self.total = page.total
            yield replace(page, items=fresh)
            cursor = page.next_cursor
            if cursor is None:
                self.complete = not self.skipped and self.total in (None, self.seen)
                return
            if cursor in cursors or not fresh:
                return
            cursors.add(cursor)
