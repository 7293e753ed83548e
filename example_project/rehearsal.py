"""The whole dance without a browser, step by step, against the two running programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import requests

__all__ = ["StepError", "rehearse"]

ADMIN_LIST = "/admin/django_patreon/patreonaccount/"
CAMPAIGNS = "/admin/django_patreon/campaign/"


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
    yield _connect_campaign(operator, site, sandbox)


def _connect_campaign(operator: _Browser, site: str, sandbox: str) -> str:
    """Let the operator connect the campaign, as its creator. Return a line that says how it went.

    Raises `StepError` if it did not work.
    """
    if "Connect your campaign" not in operator.get(site + CAMPAIGNS).text:
        raise StepError("The admin's page of campaigns has no button to connect one.")
    begun = operator.post("/login/patreon-creator/", next=CAMPAIGNS)
    address = f"{begun.headers.get('Location', '')}&sandbox_user=creator"
    if not address.startswith(f"{sandbox}/oauth2/authorize"):
        raise StepError(f"The button should lead to {sandbox}, not to {address.split('?')[0]}.")
    consent = operator.get(address, who="the sandbox", follow=False)
    page = operator.get(consent.headers.get("Location", site))
    if page.status_code == 409:  # somebody has signed in here as the creator
        return "the campaign is not connected again: its creator is another user of this site"
    if page.status_code != 200 or "is connected" not in page.text:
        raise StepError(f"The campaign is not connected (the site answered {page.status_code}).")
    return "the admin connects the campaign, whose creator allows it"


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

    def post(self, path: str, **data: str) -> requests.Response:
        data["csrfmiddlewaretoken"] = self.token
        try:
            return self.session.post(self.site + path, data=data, timeout=15, allow_redirects=False)
        except requests.RequestException as error:
            raise StepError(f"the site does not answer at {self.site}.") from error
