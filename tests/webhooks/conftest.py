"""A site with a webhook, and Patreon's robot."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from django_patreon import webhooks
from django_patreon.models import Campaign, Membership
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.webhooks.queue import TRIGGERS, new_webhook
from django_patreon.webhooks.secrets import forget_secrets
from tests.dance import Dance
from tests.test_account import ACCESS, REFRESH, SCOPES

SECRET = "test-secret"
ADDRESS = "/patreon/webhook/"
SAMPLES = Path(__file__).parent.parent / "samples"


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.md5).hexdigest()


def sample(name: str, **attributes: Any) -> bytes:
    """Return a body of Patreon's, with other attributes."""
    document = json.loads((SAMPLES / f"hook_{name}.json").read_text())
    document["data"]["attributes"] |= attributes
    return json.dumps(document).encode()


@dataclass
class Robot:
    """Delivers as Patreon does, to the test client."""

    client: Client

    def send(
        self,
        body: bytes,
        event: str = "members:update",
        *,
        signature: str | None = None,
        to: str = ADDRESS,
        secret: str = SECRET,
    ) -> int:
        response = self.client.post(
            to,
            body,
            content_type="application/json",
            headers={
                "X-Patreon-Event": event,
                "X-Patreon-Signature": sign(body, secret) if signature is None else signature,
            },
        )
        assert response.content == b""
        return int(response.status_code)

    def send_sample(self, name: str, event: str, **attributes: Any) -> int:
        return self.send(sample(name, **attributes), event)


@pytest.fixture
def robot(db: None, settings: Any) -> Robot:
    settings.PATREON = {**getattr(settings, "PATREON", {}), "WEBHOOK_SECRETS": [SECRET]}
    return Robot(Client())


@pytest.fixture(autouse=True)
def secrets_of_this_test() -> Iterator[None]:
    forget_secrets()
    yield
    forget_secrets()


@pytest.fixture
def ours(db: None) -> Campaign:
    """The site's campaign, which is not connected."""
    return Campaign.objects.create(
        patreon_id=HOME, name="Lanternhouse", is_ours=True, fetched_at=timezone.now()
    )


@pytest.fixture
def connected(dance: Dance, monkeypatch: pytest.MonkeyPatch, django_user_model: Any) -> Dance:
    """The site's campaign, connected by its creator's tokens."""
    person = dance.sandbox.world.person_called("creator")
    assert person is not None
    pair = dance.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    monkeypatch.setenv(ACCESS, pair.access_token)
    monkeypatch.setenv(REFRESH, pair.refresh_token)
    django_user_model.objects.create_user("owner", password="x")
    call_command("patreon_import_tokens", "owner", verbosity=0)
    return dance


@pytest.fixture
def hooked(connected: Dance, robot: Robot, settings: Any) -> Dance:
    """The connected campaign with a webhook, whose deliveries wait for `deliver`."""
    sandbox = connected.sandbox
    sandbox.settings.webhook_hold = True
    hook = new_webhook(sandbox.world, HOME, f"http://localhost{ADDRESS}", [*TRIGGERS], "portal")
    settings.PATREON = {**settings.PATREON, "WEBHOOK_SECRETS": [SECRET, hook.secret]}
    return connected


@pytest.fixture
def applied(db: None) -> Callable[[], webhooks.Applied]:
    return webhooks.apply_waiting


def deliver(dance: Dance, robot: Robot, order: Callable[[list[Any]], Any] = list) -> int:
    """Deliver what waits in the sandbox, in the order that is given. Returns how many."""
    hooks = [*dance.sandbox.world.hooks.values()]
    queue = [(hook, each) for hook in hooks for each in hook.queue]
    for hook in hooks:
        hook.queue.clear()
    for hook, each in order(queue):
        assert robot.send(each.body.encode(), each.event, secret=hook.secret) == 200
    return len(queue)


def status_of(member: str) -> str | None:
    return Membership.objects.get(patreon_id=member).patron_status
