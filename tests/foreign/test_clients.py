"""Clients that nobody here wrote complete their flows against the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from django_patreon.sandbox import Sandbox
from tests.dance import wire
from tests.sandbox.client import code_for

HERE = Path(__file__).parent
BACK = "http://localhost:8000/back?kept=1"


@pytest.fixture
def url() -> Iterator[str]:
    with Sandbox().serve() as server:
        yield server.url


@pytest.fixture(scope="session")
def modules() -> None:
    """The packages of package-lock.json, fetched once."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are missing")
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode:
            pytest.skip("npm could not fetch patreon-api.ts and patreon")


def say(*command: str, **environment: str) -> Any:
    """Run a program; what it says, as JSON."""
    done = subprocess.run(
        command,
        cwd=HERE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_patreon_api_ts_authorizes_refreshes_reads_all_and_hears_a_webhook(modules: None) -> None:
    sandbox = Sandbox()
    with sandbox.serve() as server:
        body = {"members": 2100}
        requests.post(f"{server.url}/_sandbox/crowd", json=body, timeout=5).raise_for_status()
        said = say("node", "patreon_api_ts.mjs", server.url)
    assert said == {
        "name": "Clara Ember",
        "campaign": "4410027",
        "tiers": ["Free", "Bronze", "Silver", "Gold"],
        "members": len(sandbox.world.members_of("4410027")),
        "pages": 3,
        "event": "members:update",
        "verified": True,
        "paused": True,
        "unpaused": False,
        "listed": 1,
        "left": 0,
    }


def test_patreons_own_javascript_package_reads_the_user(modules: None, url: str) -> None:
    said = say("node", "patreon_js.mjs", PATREON_OAUTH_HOST=url)
    assert said == {"name": "Alma Reyes", "email": "gold@example.org", "pledges": [1000]}


def test_allauth_signs_somebody_in(url: str) -> None:
    pytest.importorskip("allauth", reason="`make check` brings django-allauth")
    said = say(sys.executable, "-W", "ignore", str(HERE / "allauth_site.py"), url, "gold")
    gold = Sandbox().world.person_called("gold")
    assert gold is not None
    assert said == {"status": 302, "email": "gold@example.org", "uid": gold.id, "tokens": 1}


def test_patreons_own_python_package_reads_user_campaign_and_pledges() -> None:
    official = pytest.importorskip("patreon", reason="`make check` brings Patreon's package")
    sandbox = Sandbox(url="https://www.patreon.com")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire(mock, sandbox)
        oauth = official.OAuth("sandbox-client", "sandbox-secret")
        first = oauth.get_tokens(code_for(sandbox, "creator"), BACK)
        tokens = oauth.refresh_token(first["refresh_token"])
        api = official.API(tokens["access_token"])
        assert api.fetch_user().data().attribute("full_name") == "Clara Ember"
        [campaign] = api.fetch_campaign().data()
        assert campaign.attribute("is_monthly") is True
        amounts, cursor = [], None
        while True:
            page = api.fetch_page_of_pledges(campaign.id(), 5, cursor=cursor)
            amounts += [each.attribute("amount_cents") for each in page.data()]
            assert all(each.relationship("patron").id() for each in page.data())
            cursor = api.extract_cursor(page)
            if not cursor:
                break
    paying = [
        each.will_pay_amount_cents
        for each in sandbox.world.members_of("4410027")
        if each.will_pay_amount_cents and each.patron_status != "former_patron"
    ]
    assert amounts == paying


def test_a_dead_token_is_an_error_that_the_official_package_returns() -> None:
    official = pytest.importorskip("patreon", reason="`make check` brings Patreon's package")
    sandbox = Sandbox(url="https://www.patreon.com")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire(mock, sandbox)
        assert official.API("dead").fetch_user()["errors"][0]["code_name"] == "Unauthorized"


def consent(address: str) -> str:
    answer = requests.get(f"{address}&sandbox_user=silver", allow_redirects=False, timeout=5)
    return answer.headers["Location"]


IDENTITY = "api/oauth2/v2/identity?fields[user]=full_name"


def test_requests_oauthlib_signs_in_and_refreshes_by_itself(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauthlib = pytest.importorskip("requests_oauthlib")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    kept: list[dict[str, Any]] = []
    secret = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    session = oauthlib.OAuth2Session(
        "sandbox-client",
        redirect_uri="http://localhost:8000/back",
        scope=["identity"],
        auto_refresh_url=f"{url}/api/oauth2/token",
        auto_refresh_kwargs=secret,
        token_updater=kept.append,
    )
    address, state = session.authorization_url(f"{url}/oauth2/authorize")
    callback = consent(address)
    assert parse_qs(urlsplit(callback).query)["state"] == [state]
    token = session.fetch_token(
        f"{url}/api/oauth2/token",
        authorization_response=callback,
        client_secret="sandbox-secret",
        include_client_id=True,
    )
    session.token = {**token, "expires_at": 1}
    answer = session.get(f"{url}/{IDENTITY}").json()
    assert answer["data"]["attributes"]["full_name"] == "Silvia Moreau"
    assert kept[0]["access_token"] != token["access_token"]


def test_authlib_signs_in_and_refreshes_by_itself(url: str) -> None:
    authlib = pytest.importorskip(
        "authlib.integrations.requests_client", reason="`make check` brings Authlib"
    )
    kept: list[Any] = []
    session = authlib.OAuth2Session(
        "sandbox-client",
        "sandbox-secret",
        scope="identity",
        redirect_uri="http://localhost:8000/back",
        token_endpoint=f"{url}/api/oauth2/token",
        token_endpoint_auth_method="client_secret_post",
        update_token=lambda token, **more: kept.append(token),
    )
    address, _ = session.create_authorization_url(f"{url}/oauth2/authorize")
    token = session.fetch_token(authorization_response=consent(address))
    session.token = {**token, "expires_at": 1}
    answer = session.get(f"{url}/{IDENTITY}").json()
    assert answer["data"]["attributes"]["full_name"] == "Silvia Moreau"
    assert kept[0]["access_token"] != token["access_token"]
