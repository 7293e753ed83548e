"""Twenty campaigns, and four Celery workers of which one is killed, on RabbitMQ and on Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F
from django.utils import timezone

from django_patreon.models import Campaign, Membership, PatreonAccount, SyncPage, SyncRun
from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.server import Server
from django_patreon.sandbox.world import models as at_patreon

from .crew import ROOT

celery = pytest.importorskip("celery")
pytestmark = pytest.mark.django_db(transaction=True)

BROKERS = {
    "rabbitmq": os.environ.get("TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
    "redis": os.environ.get("TEST_REDIS", "redis://127.0.0.1:6379/15"),
}
CAMPAIGNS, MEMBERS, LOOKS, WORKERS = 20, 60, 10, 4
SCOPES = ["campaigns", "campaigns.members"]


@pytest.fixture(params=list(BROKERS))
def queue(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A Celery application that sends to a queue of its own."""
    name = f"patreon-test-{uuid.uuid4().hex}"
    app = celery.Celery("test", broker=BROKERS[request.param], set_as_current=False)
    app.conf.update(task_default_queue=name, task_ignore_result=True)
    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:
        if os.environ.get("CI"):
            pytest.fail(f"{request.param} is missing: {error}")
        pytest.skip(f"no {request.param} here")
    yield app
    with app.connection_for_write() as broker:
        broker.default_channel.queue_delete(name)
    app.close()


@pytest.fixture
def sandbox(db: None) -> Iterator[Sandbox]:
    """Patreon with twenty more campaigns, which keeps to its rate limits."""
    sandbox = Sandbox(rate_limit=True)
    for number in range(CAMPAIGNS):
        add_campaign(sandbox, number)
    with Server(sandbox, host="127.0.0.1", port=0) as server:
        sandbox.url = server.url
        yield sandbox


def add_campaign(sandbox: Sandbox, number: int) -> None:
    """Let Patreon have a campaign with a creator and members, and connect it here."""
    world, key = sandbox.world, str(6000000 + number)
    creator, tier = f"3100{number:04}", f"9400{number:04}"
    name = f"Campaign {number}"
    person = at_patreon.Person.of(id=creator, slug=f"creator-{number}", says="", full_name=name)
    world.add_person(person)
    paid = at_patreon.Tier(id=tier, campaign_id=key, title="Paid", amount_cents=500)
    world.add_campaign(
        at_patreon.Campaign(
            id=key, creator_id=creator, name=name, vanity=f"c{number}", currency="EUR", tiers=[paid]
        )
    )
    for place in range(MEMBERS):
        user = f"32{number:02}{place:04}"
        world.add_person(
            at_patreon.Person.of(id=user, slug=f"p{user}", says="", full_name=f"Person {user}")
        )
        pays = place % 3 > 0
        world.add_member(
            at_patreon.Member(
                user_id=user,
                campaign_id=key,
                tier_ids=[tier] if pays else [],
                patron_status="active_patron" if pays else "former_patron",
                currently_entitled_amount_cents=500 + place if pays else 0,
            )
        )
    pair = sandbox.tokens.issue_pair(creator, frozenset(SCOPES))
    account = PatreonAccount.objects.create(
        user=get_user_model().objects.create(username=f"creator-{number}"),
        patreon_id=creator,
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        token_expires_at=timezone.now() + timedelta(days=20),
        client_id="sandbox-client",
        scopes=SCOPES,
    )
    Campaign.objects.create(
        patreon_id=key, is_ours=True, creator=account, fetched_at=timezone.now()
    )


@pytest.fixture
def workers(queue: Any, sandbox: Sandbox, db: None) -> Iterator[list[subprocess.Popen[str]]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.flows.celery_settings",
        "WORKER_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_PATREON": sandbox.url,
        "WORKER_BROKER": queue.conf.broker_url,
        "WORKER_QUEUE": queue.conf.task_default_queue,
    }
    words = ["worker", "--pool", "solo", "--without-gossip", "--without-mingle", "-l", "ERROR"]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.flows.celery_app", "-q", *words]
            + ["-n", f"{number}@%h"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WORKERS)
    ]
    yield started
    for each in started:
        each.kill()
        each.communicate()


def send(queue: Any, name: str, *arguments: str) -> None:
    queue.send_task(f"tests.flows.celery_app.{name}", arguments)


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def let_leases_end() -> None:
    """As if it were six minutes later."""
    by = timedelta(minutes=6)
    SyncRun.objects.exclude(taken_at=None).update(taken_at=F("taken_at") - by)
    SyncPage.objects.update(at=F("at") - by)


def unsynced() -> list[str]:
    return list(Campaign.objects.filter(synced_at=None).values_list("patreon_id", flat=True))


def test_all_is_true_at_the_end_though_one_worker_was_killed(
    queue: Any, sandbox: Sandbox, workers: list[subprocess.Popen[str]]
) -> None:
    keys = unsynced()
    assert len(keys) == CAMPAIGNS
    for key in keys:
        send(queue, "sync_campaign", key)
        for member in list(sandbox.world.members_of(key))[:LOOKS]:
            send(queue, "look_at_member", key, member.id)
    first = workers[0]
    assert first.stdout is not None
    assert first.stdout.readline().startswith("sync ")
    first.kill()  # in the middle of a sync
    first.wait()

    # The others do the rest. What was killed or cut off goes on later, as by `patreon_tick`: SQLite
    # may be locked for longer than a page's writes are tried again.
    wait_until(lambda: is_empty(queue))
    for _ in range(10):
        let_leases_end()
        for key in unsynced():
            send(queue, "sync_campaign", key)
        wait_until(lambda: is_empty(queue))
        time.sleep(1)
        if not unsynced():
            break
    assert not unsynced()

    for key in keys:
        there = {
            each.id: (each.patron_status, each.currently_entitled_amount_cents, set(each.tier_ids))
            for each in sandbox.world.members_of(key)
        }
        here = {
            each.patreon_id: (
                each.patron_status,
                each.currently_entitled_amount_cents,
                set(each.tiers.values_list("patreon_id", flat=True)),
            )
            for each in Membership.objects.filter(campaign_id=key)
        }
        assert here == there
    asked = [each for each in sandbox.journal if each["path"].startswith("/api/")]
    assert len(asked) >= CAMPAIGNS * LOOKS
    assert {each["status"] for each in asked} == {200}  # none was refused for coming too fast


def is_empty(queue: Any) -> bool:
    with queue.connection_for_read() as broker:
        name = queue.conf.task_default_queue
        try:
            found = broker.default_channel.queue_declare(name, passive=True)
        except broker.channel_errors:
            return True  # Redis has no list that is empty
        return bool(found.message_count == 0)
