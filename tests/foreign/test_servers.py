"""OAuth servers that nobody here wrote, whose refresh tokens can be used once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_patreon import tokens
from django_patreon.models import PatreonAccount
from tests.flows.crew import Crew

HERE = Path(__file__).parent
pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """django-oauth-toolkit, in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(HERE / "toolkit_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def ask(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("oauth2_provider", reason="`make check` brings django-oauth-toolkit")
    found = Server()
    yield found
    found.process.kill()
    found.process.communicate()


def expire(account: PatreonAccount) -> None:
    account.token_expires_at = timezone.now() - timedelta(minutes=1)
    account.save(update_fields=["token_expires_at"])


def test_the_server_ends_the_family_of_a_refresh_token_that_is_used_twice(server: Server) -> None:
    """What happens to whoever renews without care, and could happen below."""
    _, refresh = server.ask("issue").split()
    form = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    form |= {"grant_type": "refresh_token", "refresh_token": refresh}
    first = requests.post(f"{server.url}/api/oauth2/token", data=form, timeout=10)
    newer = first.json()["access_token"]
    assert server.ask(f"works {newer}") == "yes"
    second = requests.post(f"{server.url}/api/oauth2/token", data=form, timeout=10)
    assert second.json() == {"error": "invalid_grant"}
    assert server.ask(f"works {newer}") == "no"


def test_eight_processes_keep_an_account_alive_at_a_server_that_detects_reuse(
    server: Server,
) -> None:
    """T16."""
    access, refresh = server.ask("issue").split()
    account = PatreonAccount.objects.create(
        user=get_user_model().objects.create_user("somebody"),
        patreon_id="1",
        access_token=access,
        refresh_token=refresh,
        token_expires_at=timezone.now() - timedelta(minutes=1),
    )
    eight = Crew(server.url, account, size=8)
    try:
        for _ in range(20):
            eight.begin()
            found = set(eight.hear())
            assert len(found) == 1
            assert server.ask(f"works {found.pop()}") == "yes"
            assert server.ask("count") == "1"
            account.refresh_from_db()
            # Its tokens live an hour: less than our margin, and still used as long as they do.
            assert server.ask(f"works {tokens.access_token(account)}") == "yes"
            assert server.ask("count") == "0"
            expire(account)
            eight.look()
    finally:
        eight.end()
