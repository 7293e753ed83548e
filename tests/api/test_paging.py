"""Walking through a list that may repeat itself, lie, or never end."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from django_patreon.api import Walk
from django_patreon.resources import Page


@dataclass(frozen=True)
class Item:
    id: str


def page(*ids: int, then: str | None = None, total: int | None = None, skipped: int = 0):
    return Page(
        items=tuple(Item(str(each)) for each in ids), next_cursor=then, total=total, skipped=skipped
    )


def walk(*pages: Page[Item]) -> tuple[Walk[Item], list[int]]:
    """Walk through pages whose cursors are their numbers; anything else leads to the last."""

    def fetch(cursor: str | None) -> Page[Item]:
        number = int(cursor) if cursor is not None and cursor.isdecimal() else 0
        return pages[min(number, len(pages) - 1)]

    found = Walk(fetch)
    return found, [int(each.id) for each in found]


def test_a_walk_to_the_end_is_complete() -> None:
    found, ids = walk(page(1, 2, then="1", total=3), page(3, total=3))
    assert (ids, found.complete, found.total) == ([1, 2, 3], True, 3)


def test_a_cursor_that_leads_to_the_same_page_ends_the_walk_incomplete() -> None:
    """T15."""
    found, ids = walk(page(1, 2, then="1", total=9), page(3, then="1", total=9))
    assert (ids, found.complete) == ([1, 2, 3], False)


def test_fresh_cursors_without_anything_new_end_it_too() -> None:
    """T15."""
    numbers = iter(range(10**6))
    found = Walk(lambda cursor: page(1, then=f"x{next(numbers)}"))
    assert ([each.id for each in found], found.complete) == (["1"], False)


def test_a_count_that_does_not_match_is_not_everything() -> None:
    """T14: nobody is taken for gone because of it."""
    assert not walk(page(1, 2, total=3))[0].complete
    assert not walk(page(1, total=2, skipped=1))[0].complete
    assert walk(page(1, 2))[0].complete  # Patreon gave no count


def test_an_empty_list_is_complete() -> None:
    assert walk(page(total=0))[0].complete


@given(
    st.lists(
        st.builds(
            lambda ids, then, total: page(*ids, then=then, total=total),
            st.lists(st.integers(0, 9), max_size=4),
            st.none() | st.sampled_from(["0", "1", "2", "3", "x"]),
            st.none() | st.integers(0, 9),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_walk_ends_and_gives_each_item_once(pages: list[Page[Item]]) -> None:
    """T15, whatever the server does; and what is called complete ended on a last page."""
    asked: list[str | None] = []

    def fetch(cursor: str | None) -> Page[Item]:
        asked.append(cursor)
        assert len(asked) < 50
        number = int(cursor) if cursor is not None and cursor.isdecimal() else 0
        return pages[min(number, len(pages) - 1)]

    found = Walk(fetch)
    ids = [each.id for each in found]
    assert len(ids) == len(set(ids)) == found.seen
    if found.complete:
        assert found.total in (None, len(ids))
        last = asked[-1]
        number = int(last) if last is not None and last.isdecimal() else 0
        assert pages[min(number, len(pages) - 1)].next_cursor is None
