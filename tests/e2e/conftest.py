"""The demo's two programs, and Debian's Chromium before them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from example_project.processes import (
    HOST,
    free_port,
    prepare_database,
    running,
    start_sandbox,
    start_site,
)

# Playwright keeps an event loop in this thread, in which Django would touch no database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
SCREENSHOTS = Path(__file__).parent / "screenshots"


@dataclass
class Demo:
    site: str
    sandbox: str


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("Chromium is missing. On Debian: apt install chromium")
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One world for all tests: each has people of its own to sign in as."""
    database = f"sqlite:///{tmp_path_factory.mktemp('e2e')}/e2e.sqlite3"
    prepare_database(database)
    sandbox_port, port = free_port(), free_port()
    with running(start_sandbox(sandbox_port)):
        site = start_site(port, sandbox_port=sandbox_port, quiet=True, DATABASE_URL=database)
        with running(site):
            yield Demo(f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}")


@pytest.fixture(scope="session", autouse=True)
def contact_sheet() -> Iterator[None]:
    """Write one page with all pictures, after the last test."""
    yield
    pictures = sorted(each.name for each in SCREENSHOTS.glob("*.png"))
    figures = "".join(
        f'<figure><a href="{each}"><img src="{each}" alt="" width="300"></a>'
        f"<figcaption>{each}</figcaption></figure>"
        for each in pictures
    )
    page = f"<!doctype html><html lang=en><title>All pages</title><h1>All pages</h1>{figures}"
    (SCREENSHOTS / "index.html").write_text(page)


@pytest.fixture(autouse=True)
def impatient(page: Page) -> None:
    page.set_default_timeout(5000)


@pytest.fixture
def shoot(page: Page) -> Any:
    """Take a picture of the page, for people to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=str(SCREENSHOTS / f"{name}.png"), full_page=True)

    return take
