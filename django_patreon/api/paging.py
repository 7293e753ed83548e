"""Walking through pages without trusting that they end."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Generic, Protocol, TypeVar

from django_patreon.resources import Page

__all__ = ["SeenIds", "Walk"]

_BUCKETS = 4096


class SeenIds:
    """Ids that have been seen, at 8 bytes each: a million take 8 MB."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: str) -> bool:
        number = _number_of(key)
        return number in self._buckets[number % _BUCKETS]

    def add(self, key: str) -> bool:
        """Remember an id. Returns False if it was remembered already."""
        return self._add(_number_of(key))

    def _add(self, number: int) -> bool:
        bucket = self._buckets[number % _BUCKETS]
        if number in bucket:
            return False
        bucket.append(number)
        self._count += 1
        return True

    @staticmethod
    def pack(keys: Iterable[str]) -> bytes:
        """Return what `unpack` adds, to be stored."""
        return array("Q", map(_number_of, keys)).tobytes()

    def unpack(self, packed: bytes) -> None:
        """Remember the ids that `pack` was given."""
        numbers = array("Q")
        numbers.frombytes(packed)
        for number in numbers:
            self._add(number)


def _number_of(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_HasId)


class Walk(Generic[T]):
    """All items of a list, page by page, each once; iterate over it, or over `pages()`.

    Afterwards `complete` is True if these were all items: the last page had no cursor, and there
    were as many items as Patreon had counted. Only then may the caller act on what is missing from
    the list, such as take a role from members who are not on it.

    A cursor that came before, or a page without new items, ends the walk as incomplete: such lists
    go on for ever (observed).

    To go on where an earlier walk ended, give its next `cursor`, the ids that it has `seen`, and
    how many items it `skipped`.
    """

    def __init__(
        self,
        fetch: Callable[[str | None], Page[T]],
        *,
        cursor: str | None = None,
        seen: SeenIds | None = None,
        skipped: int = 0,
    ) -> None:
        self._fetch = fetch
        self._cursor = cursor
        self._given, self._skipped = seen, skipped
        self.complete = False
        self.total: int | None = None
        """The number of items as Patreon counts them, from the newest page."""
        self.seen = 0
        self.skipped = 0

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[T]]:
        """Yield the pages, without items that an earlier page has had."""
        ids = SeenIds() if self._given is None else self._given
        self.complete, self.seen, self.skipped = False, len(ids), self._skipped
        cursor = self._cursor
        cursors = {cursor}
        while True:
            page = self._fetch(cursor)
            fresh = tuple(each for each in _latest(page.items) if ids.add(each.id))
            self.seen, self.skipped = len(ids), self.skipped + page.skipped
            self.total, cursor, is_empty = page.total, page.next_cursor, not fresh
            page = replace(page, items=fresh)
            del fresh
            yield page
            del page  # otherwise two pages are in memory while the next one is fetched
            if cursor is None:
                self.complete = not self.skipped and self.total in (None, self.seen)
                return
            if cursor in cursors or is_empty:
                return
            cursors.add(cursor)


def _latest(items: tuple[T, ...]) -> Iterable[T]:
    """Return the items; of several with one id only the last."""
    return {each.id: each for each in items}.values()
