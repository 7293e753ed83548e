"""A visitor who floods the sign-in with made-up codes, over HTTP, beside one who signs in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import Browser, Patreon

pytestmark = pytest.mark.django_db(transaction=True)


def browser_at(site: str, address: str) -> Browser:
    """A browser behind the site's proxy, which adds the browser's address."""
    browser = Browser(site)
    browser.session.headers["X-Forwarded-For"] = address
    return browser


def test_a_flood_from_one_visitor_does_not_delay_another(
    live_server: Any, patreon: Patreon, settings: Any
) -> None:
    settings.PATREON = {**settings.PATREON, "RATE_LIMIT": "process"}
    statuses = []
    for number in range(30):
        attacker = browser_at(live_server.url, "9.9.9.9")  # with a new session each time
        state = parse_qs(urlsplit(attacker.begin()).query)["state"][0]
        page = attacker.get(f"/complete/patreon/?state={state}&code=made-up-{number}")
        statuses.append(page.status_code)
    assert statuses[:20] == [403] * 20
    assert 429 in statuses
    assert "Please wait a minute" in page.text
    refused = patreon.api_requests.count("POST /api/oauth2/token 401")
    assert refused == statuses.count(403)

    assert "signed in as" in browser_at(live_server.url, "1.1.1.1").sign_in("gold").text
