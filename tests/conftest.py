from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
import responses
import time_machine
from django.conf import settings

from django_patreon.access import rules
from django_patreon.limits.gate import _gate_for
from django_patreon.sandbox import Sandbox

from .dance import Dance, wire
from .settings import TEST_DB

SLOW_FILES = [
    "test_demo.py",
    "test_model.py",
    "test_odd_sites.py",
    "test_servers.py",
    "test_webhook_outage.py",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end one worker would be alone with them."""
    items.sort(key=lambda item: item.path.name not in SLOW_FILES)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in the last lines what this run has left out, and what runs it."""
    left_out = []
    if TEST_DB == "sqlite":
        left_out.append("PostgreSQL and MariaDB")
    if not os.environ.get("TEST_THOROUGHLY"):
        left_out.append("most of the combinations of the rule's facts")
    if terminalreporter.stats.get("skipped"):
        left_out.append("the skipped tests, for which something is missing here")
    if left_out:
        terminalreporter.write_line(f"Left out: {'; '.join(left_out)}. `make check` runs them.")


@pytest.fixture(autouse=True)
def nothing_left_in_the_process() -> Iterator[None]:
    """Forget what a test has left in this process: its gates, which the checks of other tests would
    find, and refusals by Patreon, after which each sign-in asks more for some minutes."""
    _gate_for.cache_clear()
    import_module(settings.ROOT_URLCONF)  # whose gates are everybody's
    before = dict(rules._DECLARED)
    yield
    rules._DECLARED.clear()
    rules._DECLARED.update(before)


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
