"""The address of webhooks: what it accepts, what it refuses, and what that costs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_patreon import webhooks
from django_patreon.models import Campaign, Membership, Webhook, WebhookDelivery
from django_patreon.secret import Secret
from django_patreon.signals import webhook_received
from django_patreon.webhook_views import MOST_BYTES, refusals, webhook

from .conftest import ADDRESS, SECRET, Robot, sample, sign

State = WebhookDelivery.State
BODY = b'{"data": {}}'


def test_the_check_vector_of_patreons_signature() -> None:
    """FACTS 5.2."""
    vector = "4114dfd241370431490eff1a26b43d99"
    assert webhooks.is_signed(BODY, vector, [Secret(SECRET)])
    assert webhooks.is_signed(BODY, vector, [Secret("another"), Secret(SECRET)])
    assert not webhooks.is_signed(BODY, vector, [Secret("another")])
    assert not webhooks.is_signed(BODY, vector, [])
    assert not webhooks.is_signed(BODY + b" ", vector, [Secret(SECRET)])


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_trying_the_address_shows_nothing(robot: Robot, method: str) -> None:
    """T24 (a): the portal tries an address by GET, and gives up one that answers otherwise."""
    with CaptureQueriesContext(connection) as statements:
        response = getattr(robot.client, method)(ADDRESS)
    assert (response.status_code, response.content, len(statements)) == (200, b"", 0)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_allowed(robot: Robot, method: str) -> None:
    assert getattr(robot.client, method)(ADDRESS).status_code == 405


GOOD = sign(BODY)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "0" * 32,
        GOOD[:-1],
        f"{GOOD}0",
        GOOD.upper(),
        f"{GOOD},{GOOD}",
        f"{GOOD} ",
        f"md5={GOOD}",
        "g" * 32,
        "ü" * 32,
        "٣" * 32,
        sign(BODY, ""),
        sign(BODY, "another"),
        sign(BODY + b"\n"),
    ],
)
def test_a_forged_delivery_is_refused_without_a_statement(robot: Robot, signature: str) -> None:
    before = refusals.total
    with CaptureQueriesContext(connection) as statements:
        assert robot.send(BODY, signature=signature.encode().decode("latin-1")) == 403
    assert len(statements) == 0
    assert refusals.total == before + 1
    assert not WebhookDelivery.objects.exists()


def test_one_without_a_signature_is_refused(robot: Robot) -> None:
    response = robot.client.post(ADDRESS, BODY, content_type="application/json")
    assert response.status_code == 403


def test_a_hmac_with_sha_256_is_refused(robot: Robot) -> None:
    made = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert robot.send(BODY, signature=made) == 403
    assert robot.send(BODY, signature=made[:32]) == 403


def test_storing_one_takes_one_statement(robot: Robot, ours: Campaign) -> None:
    body = sample("members_pledge_create")
    with CaptureQueriesContext(connection) as statements:
        assert robot.send(body, "members:pledge:create") == 200
    assert len(statements) == 1, [each["sql"] for each in statements]
    [delivery] = WebhookDelivery.objects.all()
    assert bytes(delivery.body) == body
    assert (delivery.event, delivery.state) == ("members:pledge:create", State.WAITING)
    assert delivery.member_id == json.loads(body)["data"]["id"]


def test_the_same_again_is_counted_and_stored_once(robot: Robot) -> None:
    """T24 (e)."""
    for _ in range(100):
        assert robot.send_sample("members_pledge_create", "members:pledge:create") == 200
    [delivery] = WebhookDelivery.objects.all()
    assert delivery.times == 100
    assert robot.send_sample("members_pledge_create", "members:delete") == 200
    assert WebhookDelivery.objects.count() == 2


def test_without_a_secret_nothing_is_accepted(robot: Robot, settings: Any) -> None:
    settings.PATREON = {}
    with CaptureQueriesContext(connection) as statements:
        assert robot.send(BODY, signature=sign(BODY, "")) == 503
    assert len(statements) == 0


def test_each_secret_of_the_settings_is_accepted_while_one_replaces_another(
    robot: Robot, settings: Any
) -> None:
    settings.PATREON = {"WEBHOOK_SECRETS": ["new", "old"]}
    assert [robot.send(BODY, secret=each) for each in ("new", "old", "older")] == [200, 200, 403]


class TestARegisteredWebhook:
    @pytest.fixture
    def hook(self, robot: Robot, ours: Campaign) -> Webhook:
        return Webhook.objects.create(campaign=ours, patreon_id="7", secret="of-the-hook")

    def test_its_secret_counts_at_its_own_address_only(self, robot: Robot, hook: Webhook) -> None:
        own = f"{ADDRESS}{hook.pk}/"
        assert robot.send(BODY, to=own, secret="of-the-hook") == 200
        assert WebhookDelivery.objects.get().webhook == hook
        assert robot.send(BODY, to=own, secret=SECRET) == 403
        assert robot.send(BODY, secret="of-the-hook") == 403

    def test_a_forged_delivery_costs_no_statement_once_the_secret_is_known(
        self, robot: Robot, hook: Webhook
    ) -> None:
        own = f"{ADDRESS}{hook.pk}/"
        robot.send(BODY, to=own, secret="of-the-hook")
        with CaptureQueriesContext(connection) as statements:
            assert robot.send(BODY, to=own, secret="another") == 403
        assert len(statements) == 0

    def test_one_that_was_just_made_is_known_at_once(self, robot: Robot, hook: Webhook) -> None:
        robot.send(BODY, to=f"{ADDRESS}{hook.pk}/", secret="of-the-hook")
        new = Webhook.objects.create(campaign=hook.campaign, patreon_id="8", secret="new")
        assert robot.send(BODY, to=f"{ADDRESS}{new.pk}/", secret="new") == 200

    def test_many_that_name_unknown_ones_cost_one_statement(
        self, robot: Robot, hook: Webhook
    ) -> None:
        with CaptureQueriesContext(connection) as statements:
            answers = {robot.send(BODY, to=f"{ADDRESS}{key}/") for key in range(900, 950)}
        assert answers == {503}
        assert len(statements) <= 2

    def test_one_that_patreon_has_not_answered_about_yet_lets_patreon_try_again(
        self, robot: Robot, ours: Campaign
    ) -> None:
        unfinished = Webhook.objects.create(campaign=ours)
        assert robot.send(BODY, to=f"{ADDRESS}{unfinished.pk}/", secret="") == 503

    @pytest.mark.django_db(transaction=True)
    def test_one_that_another_process_has_just_deleted_is_known_no_longer(
        self, robot: Robot, hook: Webhook
    ) -> None:
        own = f"{ADDRESS}{hook.pk}/"
        robot.send(BODY, to=own, secret="of-the-hook")
        WebhookDelivery.objects.all().delete()
        Webhook.objects.filter(pk=hook.pk)._raw_delete(connection.alias)  # no signal is heard
        body = b'{"data": {"id": null}}'
        assert robot.send(body, to=own, secret="of-the-hook") == 503
        assert not WebhookDelivery.objects.filter(body=body).exists()

    def test_the_body_of_another_campaign_does_nothing(
        self, robot: Robot, hook: Webhook, applied: Callable[[], webhooks.Applied]
    ) -> None:
        other = Campaign.objects.create(
            patreon_id="5120934", is_ours=True, fetched_at=timezone.now()
        )
        foreign = Webhook.objects.create(campaign=other, patreon_id="9", secret="foreign")
        body = sample("members_pledge_create")
        to = f"{ADDRESS}{foreign.pk}/"
        assert robot.send(body, "members:pledge:create", to=to, secret="foreign") == 200
        assert applied().ignored == 1
        assert not Membership.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'{"data": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b"{",
        b"<html></html>",
    ],
)
def test_a_signed_body_that_is_no_json_object_is_kept_for_the_operator(
    robot: Robot, body: bytes
) -> None:
    assert robot.send(body) == 400
    delivery = WebhookDelivery.objects.get()
    assert (bytes(delivery.body), delivery.state) == (body, State.IGNORED)
    assert "not a JSON object" in delivery.error


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (BODY, "members:update"),
        (b'{"data": null}', "members:update"),
        (b'{"data": []}', "members:update"),
        (b"{}", "posts:publish"),
        (b'{"data": {"id": null, "type": "member"}}', "members:create"),
        (b'{"data": {"id": 7, "type": "member"}}', "members:create"),
        (b'{"data": {"id": "a\\u0000b", "type": "member"}}', "members:create"),
        (b'{"data": {"id": "\\ud800", "type": "member"}}', "members:create"),
        (sample("portal_test_v1_shape"), "pledges:create"),
        (sample("portal_test_v1_shape"), "members:create"),
        (sample("members_create"), "pledges:create"),
        (sample("members_create"), "chats:message"),
        (sample("members_create"), ""),
        (sample("members_create"), "x" * 65),
        (sample("members_create"), "members:update\x7f"),
        (sample("members_create"), "ünknown"),
    ],
)
def test_what_nobody_knows_is_stored_and_answered(
    robot: Robot, ours: Campaign, body: bytes, event: str, applied: Callable[[], webhooks.Applied]
) -> None:
    """T24 (b): the portal's test body has null ids, and the shape of API v1."""
    assert robot.send(body, event) == 200
    assert applied() == webhooks.Applied()
    assert WebhookDelivery.objects.get().state == State.IGNORED
    assert not Membership.objects.exists()


def test_a_large_body_is_not_read(robot: Robot) -> None:
    body = b'{"data": "' + b"x" * MOST_BYTES + b'"}'
    assert robot.send(body) == 413
    assert not WebhookDelivery.objects.exists()
    assert robot.send(body[: MOST_BYTES - 2][:-2] + b'"}') in (200, 400)


def test_a_large_body_without_a_length_is_not_hashed(robot: Robot) -> None:
    """As ASGI servers pass on one that comes in chunks."""
    body = b'{"data": "' + b"x" * MOST_BYTES + b'"}'
    headers = [(b"x-patreon-signature", sign(body).encode()), (b"x-patreon-event", b"x")]
    scope = {"type": "http", "method": "POST", "path": ADDRESS, "headers": headers}
    with CaptureQueriesContext(connection) as statements:
        response = webhook(ASGIRequest(scope, BytesIO(body)))
    assert (response.status_code, len(statements)) == (413, 0)


def test_a_site_that_limits_bodies_more_is_obeyed(robot: Robot, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5
    assert robot.send(BODY) == 413


def test_it_needs_no_cookie_of_csrf_no_login_and_no_session(robot: Robot, settings: Any) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    strict = Robot(Client(enforce_csrf_checks=True))
    assert strict.send(BODY) == 200
    assert not strict.client.cookies


@pytest.mark.django_db(transaction=True)
def test_it_stays_stored_on_a_site_with_atomic_requests(robot: Robot, settings: Any) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with CaptureQueriesContext(connection) as statements:
            assert robot.send(sample("members_create"), "chats:message") == 200
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert [each["sql"].split()[0] for each in statements] == ["INSERT"]


@pytest.mark.django_db(transaction=True)
def test_posts_are_sent_as_a_signal(robot: Robot, applied: Callable[[], webhooks.Applied]) -> None:
    heard: list[Any] = []

    def hear(event: str, post: Any, **kwargs: Any) -> None:
        heard.append((event, post))

    webhook_received.connect(hear)
    try:
        assert robot.send_sample("posts_publish", "posts:publish") == 200
        assert applied().done == 1
        assert applied().done == 0
    finally:
        webhook_received.disconnect(hear)
    [(event, post)] = heard
    assert event == "posts:publish"
    assert post.title
    assert post.id == json.loads(sample("posts_publish"))["data"]["id"]
