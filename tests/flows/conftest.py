"""The real thing: a sandbox in a process of its own, a site with threads, a browser."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from .crew import Crew


@dataclass
class Patreon:
    """The sandbox process, steered over its JSON switches."""

    url: str

    def control(self, path: str, /, *, method: str = "POST", **given: Any) -> dict[str, Any]:
        response = requests.request(method, f"{self.url}/_sandbox/{path}", json=given, timeout=10)
        assert response.status_code == 200, response.text
        return dict(response.json())

    @property
    def api_requests(self) -> list[str]:
        """What came in from sites, as 'POST /api/oauth2/token 200'."""
        journal = self.control("requests", method="GET")["requests"]
        return [
            f"{each['method']} {each['path']} {each['status']}"
            for each in journal
            if each["path"].startswith("/api/")
        ]


@dataclass
class Browser:
    """Somebody's browser: cookies, redirects, forms."""

    site: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str = "/", **more: Any) -> requests.Response:
        url = path if path.startswith("http") else self.site + path
        return self.session.get(url, timeout=30, **more)

    def post(self, path: str, **data: str) -> requests.Response:
        self.get("/login/")
        data["csrfmiddlewaretoken"] = self.session.cookies["csrftoken"]
        return self.session.post(self.site + path, data=data, timeout=30, allow_redirects=False)

    def begin(self, next: str = "/inside/") -> str:
        """Press the button; return the address at Patreon."""
        return self.post("/login/patreon/", next=next).headers["Location"]

    def consent(self, slug: str) -> str:
        """Up to the callback, which is returned and not yet visited."""
        answer = self.session.get(
            f"{self.begin()}&sandbox_user={slug}", timeout=30, allow_redirects=False
        )
        return answer.headers["Location"]

    def sign_in(self, slug: str) -> requests.Response:
        return self.get(self.consent(slug))


def visit_together(visits: list[tuple[Browser, str]]) -> list[requests.Response]:
    """Let each browser open its address in the same moment; return the pages."""
    gate = threading.Barrier(len(visits))

    def visit(browser: Browser, address: str) -> requests.Response:
        gate.wait()
        return browser.get(address)

    with ThreadPoolExecutor(len(visits)) as pool:
        return [each.result() for each in [pool.submit(visit, *pair) for pair in visits]]


@pytest.fixture(scope="session")
def patreon_process() -> Iterator[Patreon]:
    process = subprocess.Popen(
        [sys.executable, "-m", "django_patreon.sandbox", "--port", "0", "--no-rate-limit"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        yield Patreon(process.stdout.readline().split()[-1])
        process.terminate()
        assert process.wait(timeout=10) == 0


@pytest.fixture
def patreon(patreon_process: Patreon, settings: Any) -> Patreon:
    """The sandbox, as just started, and a site that uses it."""
    patreon_process.control("reset")
    settings.PATREON = {"BASE_URL": patreon_process.url, "RATE_LIMIT": None}
    return patreon_process


@pytest.fixture
def visitor(live_server: Any, patreon: Patreon) -> Browser:
    return Browser(live_server.url)


@pytest.fixture
def crew() -> Iterator[Callable[..., Crew]]:
    hired: list[Crew] = []

    def hire(*args: Any, **kwargs: Any) -> Crew:
        hired.append(Crew(*args, **kwargs))
        return hired[-1]

    yield hire
    for each in hired:
        each.end()
