"""Patience, with a clock of its own."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_patreon.api import Patience
from django_patreon.exceptions import (
    MalformedAnswer,
    PatreonAPIError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)


class Day:
    """A server with a list of moods, and a clock that only sleeping moves."""

    def __init__(self, *moods: PatreonAPIError | str) -> None:
        self.moods = list(moods)
        self.now = 0.0
        self.asked = 0
        self.pauses: list[float] = []

    def ask(self) -> str:
        self.asked += 1
        mood = self.moods.pop(0) if len(self.moods) > 1 else self.moods[0]
        if isinstance(mood, PatreonAPIError):
            raise mood
        return mood

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, seconds: float, **more: Any) -> Patience:
        more.setdefault("jitter", lambda low, high: high)
        return Patience(seconds=seconds, sleep=self.sleep, clock=lambda: self.now, **more)


def test_a_bad_moment_is_waited_out() -> None:
    day = Day(Unavailable("x"), Unavailable("x"), "fine")
    assert day.patience(60).run(day.ask) == "fine"
    assert day.pauses == [0.5, 1.0]


def test_a_wait_that_patreon_names_is_kept_to() -> None:
    """T19."""
    day = Day(RateLimited("x", retry_after=7), "fine")
    assert day.patience(60).run(day.ask) == "fine"
    assert day.pauses == [7]


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    day = Day(RateLimited("x", retry_after=90_000), "fine")
    with pytest.raises(RateLimited) as caught:
        day.patience(60).run(day.ask)
    assert caught.value.retry_after == 90_000
    assert day.pauses == []


@pytest.mark.parametrize(
    "error", [Refused("x"), Unauthorized("x"), MalformedAnswer("x")], ids=lambda e: type(e).__name__
)
def test_what_would_be_refused_again_is_not_tried_again(error: PatreonAPIError) -> None:
    """T19."""
    day = Day(error)
    with pytest.raises(type(error)):
        day.patience(60).run(day.ask)
    assert day.asked == 1


def test_a_person_who_waits_gets_one_try() -> None:
    day = Day(Unavailable("x"), "fine")
    with pytest.raises(Unavailable):
        day.patience(0).run(day.ask)
    assert day.asked == 1


ERRORS = st.builds(
    lambda kind, wait: kind("x", retry_after=wait),
    st.sampled_from([RateLimited, Unavailable]),
    st.none() | st.floats(0, 1000),
)


@given(
    st.lists(ERRORS | st.just("fine"), min_size=1, max_size=30), st.floats(0, 300), st.floats(0, 1)
)
def test_it_never_waits_longer_than_it_may_nor_less_than_it_must(
    moods: list[Any], seconds: float, part: float
) -> None:
    day = Day(*moods)
    named = [each.retry_after for each in moods if isinstance(each, PatreonAPIError)]
    patience = day.patience(seconds, jitter=lambda low, high: low + part * (high - low))
    with contextlib.suppress(RateLimited, Unavailable):
        patience.run(day.ask)
    assert day.now <= seconds
    for pause, wait in zip(day.pauses, named, strict=False):
        assert max(wait or 0, 0.1) <= pause <= max(wait or 0, 20)
