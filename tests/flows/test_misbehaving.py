"""A client before a server that misbehaves: it gets everything, or says what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_patreon import api
from django_patreon.exceptions import (
    MalformedAnswer,
    PatreonAPIError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from django_patreon.sandbox import SCOPES, Fault, Sandbox
from django_patreon.sandbox.settings import LAST_PAGES
from django_patreon.secret import Secret

HOME = "4410027"
# What each fault stands for; None: worth another try.
MEANING: dict[str, type[PatreonAPIError] | None] = {
    "http_500_html": None,
    "http_503_html": None,
    "http_504_empty": None,
    "http_429": None,
    "http_429_empty": None,
    "reset": None,
    "cut": None,
    "http_400": Refused,
    "http_401": Unauthorized,
    "http_403_html": Refused,
    "http_404": Refused,
    "empty": MalformedAnswer,
    "null": MalformedAnswer,
    "list": MalformedAnswer,
    "html_200": MalformedAnswer,
    "errors_200": MalformedAnswer,
}


class Watch:
    """A clock that moves when somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(scope="module")
def served() -> Iterator[Any]:
    sandbox = Sandbox()
    with (
        sandbox.serve() as server,
        override_settings(PATREON={"BASE_URL": server.url, "RATE_LIMIT": None}),
    ):
        yield sandbox


def walk_of(sandbox: Sandbox, watch: Watch, patience: float) -> Any:
    creator = sandbox.world.person_called("creator")
    assert creator is not None
    pair = sandbox.tokens.issue_pair(creator.id, frozenset(SCOPES))
    client = api.PatreonClient(
        Secret(pair.access_token),
        patience=api.Patience(seconds=patience, sleep=watch.sleep, clock=lambda: watch.now),
    )
    return client.members(HOME, page_size=7)


quickly = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quickly
@given(st.lists(st.sampled_from(sorted(MEANING)), max_size=6), st.sampled_from(LAST_PAGES))
def test_a_walk_is_whole_or_ends_with_the_first_thing_that_is_final(
    served: Sandbox, faults: list[str], shape: str
) -> None:
    """T14, T17."""
    served.reset()
    served.settings.last_page = shape
    watch = Watch()
    walk = walk_of(served, watch, patience=3600)
    for kind in faults:
        served.faults.arm(Fault.read({"kind": kind}))
    final = [MEANING[kind] for kind in faults if MEANING[kind] is not None]
    everybody = {each.id for each in served.world.members_of(HOME)}
    if final:
        with pytest.raises(final[0]):
            list(walk)
        assert not walk.complete
        tried = faults.index(next(kind for kind in faults if MEANING[kind] is not None)) + 1
        assert len(served.journal) == tried  # and not once more
    else:
        found = [each.id for each in walk]
        assert len(found) == len(set(found))
        assert set(found) == everybody
        assert walk.complete
        pages = -(-len(everybody) // 7)
        assert len(served.journal) == pages + len(faults)
        assert len(watch.pauses) == len(faults)


@quickly
@given(st.integers(0, 30), st.sampled_from(["http_429", "http_503_html"]))
def test_patience_ends(served: Sandbox, seconds: int, kind: str) -> None:
    """T18."""
    served.reset()
    served.faults.arm(Fault.read({"kind": kind, "times": None}))
    watch = Watch()
    with pytest.raises((RateLimited, Unavailable)):
        list(walk_of(served, watch, patience=seconds))
    assert watch.now <= seconds
    assert len(served.journal) <= 1 + 10 * seconds  # never a busy loop


@quickly
@given(st.integers(1, 12), st.booleans())
def test_a_list_that_changes_under_a_walk_is_not_taken_for_whole(
    served: Sandbox, page: int, grows: bool
) -> None:
    served.reset()
    walk = walk_of(served, Watch(), patience=0)
    pages = walk.pages()
    next(pages)
    stranger = served.world.person_called("stranger")
    assert stranger is not None
    if grows:
        served.pledges.act("join", stranger, HOME)
    else:
        served.world.members.popitem()
    with pytest.raises(Refused):  # a stale cursor
        for _ in pages:
            pass
    assert not walk.complete
