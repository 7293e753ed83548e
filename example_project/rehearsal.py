"""The whole dance without a browser, step by step, against the two running programs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from statistics import median
from urllib.parse import parse_qs, urlsplit

import requests

__all__ = ["ADMIN", "MEMBERS", "StepError", "connect_campaign", "fill_campaign", "rehearse"]

ADMIN = ("admin", "admin")
"""Name and password of the demo's operator."""
ADMIN_LIST = "/admin/django_patreon/patreonaccount/"
CAMPAIGNS = "/admin/django_patreon/campaign/"
RUNS = "/admin/django_patreon/syncrun/"
SEEN = r'class="field-seen[^"]*">([0-9,]+)<'
MEMBERS = 2000
"""Generated members of the demo's campaign, beside those who have names."""
LEDGER, STAIRCASE, ACCOUNT = "/stories/ledger/", "/stories/staircase/", "/patreon/account/"
CHANGES: dict[str, list[tuple[str, str, str, int | str]]] = {
    # What somebody does at Patreon, for which tier; the page that follows, and what it shows then.
    "stranger": [
        ("pledge", "Bronze", LEDGER, 200),
        ("change", "Gold", STAIRCASE, 200),
        ("decline", "", ACCOUNT, "declined"),
        ("pay", "", ACCOUNT, "not declined"),
        ("change", "Bronze", STAIRCASE, 403),
        ("cancel", "", ACCOUNT, "ends on"),
        ("refund", "", LEDGER, 403),
    ],
    "foreign-only": [("trial", "Gold", LEDGER, 200), ("delete", "", LEDGER, 403)],
}
PATIENCE = 20.0
"""Seconds to wait for what is done in the background."""
PROMISE = 1.0
"""Seconds within which a gate usually follows a change at Patreon."""


class StepError(Exception):
    """A step did not go as it should; the message says why and what to do."""


def rehearse(site: str, sandbox: str, *, slug: str, admin: tuple[str, str]) -> Iterator[str]:
    """Yield a line for each step that went well. Raises `StepError` at the first that did not."""
    browser = _Browser(site)
    people = browser.get(f"{sandbox}/_sandbox/people", who="the sandbox").json()["people"]
    name = next((each["full_name"] for each in people if each["slug"] == slug), None)
    if name is None:
        raise StepError(f"The sandbox knows nobody called {slug}.")
    yield f"the sandbox answers at {sandbox} and knows {len(people)} people"

    front = browser.get(site)
    if "Continue with Patreon" not in front.text:
        raise StepError("The front page has no button to continue with Patreon.")
    yield f"the site answers at {site} and has the button"

    begun = browser.post("/login/patreon/", next="/")
    address = begun.headers.get("Location", "")
    if not address.startswith(f"{sandbox}/oauth2/authorize"):
        raise StepError(f"The button should lead to {sandbox}, not to {address.split('?')[0]}.")
    scopes = parse_qs(urlsplit(address).query)["scope"][0]
    yield f"the button leads to Patreon and asks for: {scopes}"

    consent = browser.get(f"{address}&sandbox_user={slug}", who="the sandbox", follow=False)
    callback = consent.headers.get("Location", "")
    if "code=" not in callback:
        raise StepError("The sandbox sent no code back.")
    yield f"{name} allows it"

    page = browser.get(callback)
    if page.status_code != 200 or "Signed in as" not in page.text or name not in page.text:
        raise StepError(f"The site did not sign {name} in (it answered {page.status_code}).")
    yield f"the site greets {name}, signed in"

    account = browser.get(f"{site}/patreon/account/")
    if "Connected since" not in account.text:
        raise StepError("The account page does not show the connection.")
    yield "the account page shows the connection"

    story = browser.get(f"{site}/stories/ledger/")
    if story.status_code not in (200, 403) or "no-store" not in story.headers["Cache-Control"]:
        raise StepError(f"The gated page did not decide (it answered {story.status_code}).")
    yield f"the gated page is {'open' if story.status_code == 200 else 'locked'} to {name}"

    operator = _Browser(site)
    operator.get(f"{site}/admin/login/")
    operator.post("/admin/login/", username=admin[0], password=admin[1], next=ADMIN_LIST)
    listed = operator.get(site + ADMIN_LIST)
    if name not in listed.text:
        raise StepError(f"The admin does not list {name}.")
    yield f"the admin lists {name}"
    yield _wait_for_members(operator, site)
    yield from _follow_gates(site, sandbox)


def _wait_for_members(operator: _Browser, site: str) -> str:
    """Wait until the admin shows that all members were read, in the background."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        page = operator.get(f"{site}{RUNS}?state__exact=complete").text
        found = [int(each.replace(",", "")) for each in re.findall(SEEN, page)]
        if found and max(found) >= MEMBERS:
            return f"the admin shows a complete sync of {max(found)} members"
        time.sleep(0.2)
    raise StepError(
        f"The admin shows no complete sync of {MEMBERS} members. Look at the sync runs in the"
        " admin, and run manage.py patreon_sync."
    )


def _follow_gates(site: str, sandbox: str) -> Iterator[str]:
    """Let people pledge, change and leave at Patreon, and see the gates follow by webhook."""
    waits = []
    for slug, steps in CHANGES.items():
        browser = _Browser(site)
        browser.get(site)
        begun = browser.post("/login/patreon/", next="/")
        browser.get(f"{begun.headers.get('Location', '')}&sandbox_user={slug}", who="the sandbox")
        for action, tier, path, sign in steps:
            browser.act(sandbox, slug, action, tier)
            started = time.monotonic()
            while not browser.sees(site + path, sign):
                if time.monotonic() - started > PATIENCE:
                    raise StepError(
                        f"{path} did not follow {slug} ({action}). Look at the webhook deliveries"
                        " in the admin, and run manage.py patreon_webhooks health."
                    )
                time.sleep(0.05)
            waits.append(time.monotonic() - started)
    usual = median(waits)
    if usual > PROMISE:
        raise StepError(f"The gates follow changes at Patreon only after {usual:.1f} s.")
    yield (
        f"{len(waits)} changes at Patreon reach the gates by webhook, in {usual:.1f} s,"
        f" the slowest in {max(waits):.1f} s"
    )


def fill_campaign(sandbox: str) -> None:
    """Let the sandbox generate the members of the campaign."""
    requests.post(f"{sandbox}/_sandbox/crowd", json={"members": MEMBERS}, timeout=60)


def connect_campaign(site: str, sandbox: str, *, admin: tuple[str, str]) -> None:
    """Let the operator connect the campaign in the admin, as its creator.

    Does nothing if somebody has signed in here as the creator. Raises `StepError`.
    """
    operator = _Browser(site)
    operator.get(f"{site}/admin/login/")
    operator.post("/admin/login/", username=admin[0], password=admin[1], next=CAMPAIGNS)
    if "Connect your campaign" not in operator.get(site + CAMPAIGNS).text:
        raise StepError("The admin's page of campaigns has no button to connect one.")
    begun = operator.post("/login/patreon-creator/", next=CAMPAIGNS)
    address = f"{begun.headers.get('Location', '')}&sandbox_user=creator"
    if not address.startswith(f"{sandbox}/oauth2/authorize"):
        raise StepError(f"The button should lead to {sandbox}, not to {address.split('?')[0]}.")
    consent = operator.get(address, who="the sandbox", follow=False)
    page = operator.get(consent.headers.get("Location", site))
    if page.status_code != 409 and "is connected" not in page.text:
        raise StepError(f"The campaign is not connected (the site answered {page.status_code}).")


class _Browser:
    def __init__(self, site: str) -> None:
        self.site = site
        self.session = requests.Session()
        self.session.trust_env = False
        self.token = ""

    def get(self, url: str, *, who: str = "the site", follow: bool = True) -> requests.Response:
        try:
            response = self.session.get(url, timeout=15, allow_redirects=follow)
        except requests.RequestException as error:
            raise StepError(
                f"{who} does not answer at {url.split('?')[0]}. Is it running? `make demo` starts"
                " both."
            ) from error
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.text)
        self.token = found[1] if found else self.token
        return response

    def act(self, sandbox: str, slug: str, action: str, tier: str) -> None:
        """Let somebody act in the sandbox's control room."""
        given = {"user": slug, "do": action} | ({"tier": tier} if tier else {})
        answer = self.session.post(f"{sandbox}/_sandbox/members", json=given, timeout=15)
        if not answer.ok:
            raise StepError(f"The sandbox did not let {slug} {action}: {answer.text}")

    def sees(self, url: str, sign: int | str) -> bool:
        """Return True if the page has this status, or says this word, or does "not" say it."""
        page = self.get(url)
        if isinstance(sign, int):
            return page.status_code == sign
        word = sign.removeprefix("not ")
        return (word in page.text.lower()) is (word == sign)

    def post(self, path: str, **data: str) -> requests.Response:
        data["csrfmiddlewaretoken"] = self.token
        try:
            return self.session.post(self.site + path, data=data, timeout=15, allow_redirects=False)
        except requests.RequestException as error:
            raise StepError(f"the site does not answer at {self.site}.") from error
