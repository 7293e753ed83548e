"""A gate that meets old facts answers from them, and asks for one look at the reader afterwards."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import responses
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.core.signals import request_finished
from django.db import connection, connections
from django.http import HttpRequest, StreamingHttpResponse
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from django.utils.module_loading import import_string

from django_patreon import sync, tasks
from django_patreon.access import Patron, check
from django_patreon.access.loading import read
from django_patreon.models import Campaign, Membership, PatreonAccount, WantedLook
from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.ids import GOLD, HOME
from tests.dance import Dance
from tests.sync.test_campaign import campaign, control
from tests.urls import urlpatterns as site

__all__ = ["campaign"]  # the fixture


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def text() -> Iterator[str]:
        patron: Any = request.patreon  # type: ignore[attr-defined]
        yield "open" if patron.check(tier=GOLD) else "closed"

    return StreamingHttpResponse(text())


urlpatterns = [*site, path("streamed/", streamed)]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.access.test_stale"),
]
FRAMEWORK = type(tasks.look_at_member).__module__.removesuffix(".base")
DummyBackend: Any = import_string(f"{FRAMEWORK}.backends.dummy.DummyBackend")


class BrokenQueue(DummyBackend):
    def enqueue(self, *_: Any) -> Any:
        raise OSError("no broker")


PAGE = "/gates/decorator/gold/"


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """Let this process remember nobody whom it has asked about before."""
    read.cache_clear()


@pytest.fixture
def reader(campaign: Campaign, dance: Dance) -> Dance:
    """A patron who is signed in, on a site whose campaign is connected."""
    dance.sign_in("gold")
    return dance


def age(days: float) -> None:
    """Let all memberships have been read so long ago."""
    Membership.objects.update(fetched_at=timezone.now() - timedelta(days=days))


def tick() -> str:
    out = io.StringIO()
    call_command("patreon_tick", stdout=out, stderr=out)
    return out.getvalue()


def visit(dance: Dance, page: str = PAGE) -> int:
    response = dance.client.get(page)
    return int(response.status_code)


class TestAsking:
    def test_fresh_facts_cost_no_query_more(self, reader: Dance) -> None:
        visit(reader)
        with CaptureQueriesContext(connection) as fresh:
            assert visit(reader) == 200
        names = [each["sql"] for each in fresh.captured_queries]
        assert len(names) == 3, names  # the session, the user, and what the gate asks
        assert not WantedLook.objects.exists()

    def test_old_facts_are_answered_from_and_one_look_is_asked_for(self, reader: Dance) -> None:
        age(days=8)
        calls = len(reader_calls(reader))
        assert visit(reader) == 200
        assert len(reader_calls(reader)) == calls
        assert WantedLook.objects.get().membership.account == reader.user.patreon_account

    def test_half_of_the_age_is_where_they_begin_to_be_old(
        self, reader: Dance, settings: Any
    ) -> None:
        age(days=6.9)
        visit(reader)
        assert not WantedLook.objects.exists()
        settings.PATREON = {**settings.PATREON, "MAX_AGE": timedelta(days=13)}
        visit(reader)
        assert WantedLook.objects.exists()

    def test_the_question_is_asked_when_the_answer_is_made(
        self, reader: Dance, settings: Any
    ) -> None:
        age(days=8)
        settings.MIDDLEWARE = ["tests.access.test_stale.count_after", *settings.MIDDLEWARE]
        reader.client.handler._middleware_chain = None
        assert visit(reader) == 200
        assert counted == [0]
        assert WantedLook.objects.count() == 1

    def test_a_thousand_requests_ask_once(self, reader: Dance) -> None:
        age(days=8)
        visit(reader)
        first = WantedLook.objects.get()
        with CaptureQueriesContext(connection) as later:
            for _ in range(10):
                visit(reader)
        assert len(later.captured_queries) == 30  # no more than with fresh facts
        read.cache_clear()  # as another process
        visit(reader)
        assert WantedLook.objects.get().wanted_at == first.wanted_at

    def test_of_many_processes_at_once_one_is_the_first(self, reader: Dance) -> None:
        age(days=8)
        user = reader.user.pk

        def ask(_: int) -> int:
            try:
                return len(sync.ask_for_looks(user))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(ask, range(8))) == 1

    def test_a_look_whose_task_was_lost_may_be_asked_for_again(self, reader: Dance) -> None:
        age(days=8)
        user = reader.user.pk
        assert len(sync.ask_for_looks(user)) == 1
        assert sync.ask_for_looks(user) == []
        WantedLook.objects.update(wanted_at=timezone.now() - timedelta(minutes=16))
        assert len(sync.ask_for_looks(user)) == 1
        assert sync.ask_for_looks(user) == []

    def test_a_sync_makes_them_fresh(self, reader: Dance, campaign: Campaign) -> None:
        age(days=8)
        Campaign.objects.update(synced_at=timezone.now() - timedelta(days=1))
        visit(reader)
        assert not WantedLook.objects.exists()

    @pytest.mark.parametrize("without", ["scope", "creator", "ours", "token"])
    def test_only_while_the_campaign_is_connected(self, reader: Dance, without: str) -> None:
        age(days=8)
        creator = Campaign.objects.get(patreon_id=HOME).creator
        if without == "scope":
            PatreonAccount.objects.filter(pk=creator.pk).update(scopes=["identity"])
        elif without == "token":
            PatreonAccount.objects.filter(pk=creator.pk).update(state="reconnect")
        elif without == "creator":
            Campaign.objects.update(creator=None)
        else:
            Campaign.objects.update(is_ours=False)
            assert visit(reader, "/gates/decorator/foreign/") == 403
        visit(reader)
        assert not WantedLook.objects.exists()

    def test_code_outside_of_a_request_asks_for_nothing(self, reader: Dance) -> None:
        age(days=8)
        assert check(reader.user, tier=GOLD)
        assert Patron(reader.user).is_patron
        assert not WantedLook.objects.exists()

    def test_an_async_view_asks_too(self, reader: Dance) -> None:
        age(days=8)
        client = AsyncClient(headers={"host": "localhost"})
        client.cookies = reader.client.cookies

        def close(**_: Any) -> None:
            connections.close_all()  # those of the thread in which this client closes an answer

        request_finished.connect(close)
        try:
            assert async_to_sync(client.get)("/gates/async_decorator/gold/").status_code == 200
        finally:
            request_finished.disconnect(close)
        assert WantedLook.objects.count() == 1

    def test_a_gate_in_a_stream_asks_too(self, reader: Dance) -> None:
        age(days=8)
        response = reader.client.get("/streamed/")
        assert not WantedLook.objects.exists()
        assert b"".join(response.streaming_content) == b"open"
        response.close()
        assert WantedLook.objects.count() == 1

    def test_a_page_is_answered_although_the_question_cannot_be_kept(
        self, reader: Dance, settings: Any, caplog: Any
    ) -> None:
        age(days=8)
        settings.TASKS = {"default": {"BACKEND": "tests.access.test_stale.BrokenQueue"}}
        assert visit(reader) == 200
        assert "was not asked for: OSError" in caplog.text


class TestLooking:
    def test_a_tick_looks_and_the_facts_are_fresh(self, reader: Dance, sandbox: Sandbox) -> None:
        age(days=8)
        visit(reader)
        control(sandbox, "POST", "members", do="change", user="gold", tier="Bronze")
        assert "Looks: 1 members were looked at." in tick()
        assert not WantedLook.objects.exists()
        assert visit(reader) == 403

    def test_who_was_shut_out_for_old_facts_is_let_in_within_one_task(self, reader: Dance) -> None:
        age(days=15)
        assert visit(reader) == 403
        assert WantedLook.objects.count() == 1
        wanted = sync.wanted_looks(Campaign.objects.get(patreon_id=HOME))
        assert tasks.look_at_member.call(HOME, wanted[0], if_wanted=True)["looked"]
        assert visit(reader) == 200

    def test_with_a_queue_the_task_is_enqueued_once(self, reader: Dance, settings: Any) -> None:
        age(days=15)
        settings.TASKS = {"default": {"BACKEND": f"{FRAMEWORK}.backends.dummy.DummyBackend"}}
        assert visit(reader) == 403
        read.cache_clear()
        assert visit(reader) == 403
        [enqueued] = tasks.look_at_member.get_backend().results
        assert enqueued.kwargs == {"if_wanted": True}
        assert tasks.look_at_member.call(*enqueued.args, **enqueued.kwargs)["looked"]
        assert visit(reader) == 200
        assert not tasks.look_at_member.call(*enqueued.args, **enqueued.kwargs)["looked"]

    def test_a_look_that_fails_is_wanted_still(self, reader: Dance) -> None:
        age(days=8)
        visit(reader)
        wanted = WantedLook.objects.get()
        reader.sandbox.tokens.kill()
        with pytest.raises(CommandError):
            tick()
        assert WantedLook.objects.get().wanted_at == wanted.wanted_at

    def test_a_member_whom_patreon_refuses_is_asked_for_by_the_next_visit(
        self, reader: Dance, patreon: responses.RequestsMock
    ) -> None:
        age(days=8)
        visit(reader)
        key = WantedLook.objects.get().membership.patreon_id
        reader.order("http_400", path=f"/api/oauth2/v2/members/{key}")
        with pytest.raises(CommandError):
            tick()
        assert not WantedLook.objects.exists()

    def test_what_was_confirmed_meanwhile_is_not_looked_at(
        self, reader: Dance, patreon: responses.RequestsMock
    ) -> None:
        age(days=8)
        visit(reader)
        WantedLook.objects.update(wanted_at=timezone.now() - timedelta(minutes=1))
        sync.sync_campaign(Campaign.objects.get(patreon_id=HOME))
        before = len(patreon.calls)
        assert "Looks: 0 members" in tick()
        assert len(patreon.calls) == before
        assert not WantedLook.objects.exists()

    def test_two_at_once_look_once(self, reader: Dance) -> None:
        age(days=8)
        visit(reader)
        [key] = sync.wanted_looks(Campaign.objects.get(patreon_id=HOME))

        def look(_: int) -> bool:
            try:
                home = Campaign.objects.get(patreon_id=HOME)
                return sync.look_if_wanted(home, key) is not None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(look, range(4))) == 1


counted: list[int] = []


def reader_calls(dance: Dance) -> list[Any]:
    """What Patreon was asked."""
    return list(dance.sandbox.journal)


def count_after(get_response: Any) -> Any:
    """A middleware that counts what was asked for before the answer is sent."""

    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        counted.append(WantedLook.objects.count())
        return response

    return middleware
