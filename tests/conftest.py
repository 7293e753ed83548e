from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import responses
import time_machine

from django_patreon.sandbox import Sandbox

from .dance import Dance, wire


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end one worker would be alone with it."""
    items.sort(key=lambda item: item.path.name != "test_databases.py")


@pytest.fixture
def sandbox() -> Sandbox:
    """A pretend Patreon in this process."""
    return Sandbox(url="https://www.patreon.com")


@pytest.fixture
def patreon(sandbox: Sandbox) -> Iterator[responses.RequestsMock]:
    """Let the site's requests to Patreon end in the sandbox; add to it to answer otherwise."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire(mock, sandbox)
        yield mock


@pytest.fixture
def dance(db: None, sandbox: Sandbox, patreon: responses.RequestsMock) -> Dance:
    """A browser before the site's front page."""
    return Dance(sandbox)


@pytest.fixture
def time_machine_at() -> Iterator[Callable[..., None]]:
    """Let time pass: `time_machine_at(hours=1)`."""
    travels: list[time_machine.travel] = []

    def travel(**ahead: float) -> None:
        travels.append(time_machine.travel(datetime.now(UTC) + timedelta(**ahead)))
        travels[-1].start()

    yield travel
    for each in travels:
        each.stop()
