"""The webhooks at Patreon: made, looked after, replaced and deleted by `patreon_webhooks`."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from django_patreon import webhooks
from django_patreon.exceptions import PatreonError, Unavailable
from django_patreon.fields import Sealed
from django_patreon.models import Campaign, Membership, PatreonAccount, Webhook, WebhookDelivery
from django_patreon.sandbox.ids import HOME
from django_patreon.webhooks import health, hooks
from tests.dance import PATREON, Dance
from tests.sandbox.client import act

from .conftest import Robot, deliver

SITE = "https://localhost"
PATH = "/api/oauth2/v2/webhooks"


@pytest.fixture
def home(connected: Dance) -> Campaign:
    connected.sandbox.settings.webhook_hold = True
    return Campaign.objects.select_related("creator").get(patreon_id=HOME)


def run(verb: str, *args: str) -> str:
    """Run the command; return what it says."""
    out = io.StringIO()
    call_command("patreon_webhooks", verb, *args, stdout=out, stderr=out)
    return out.getvalue()


def at_patreon(dance: Dance) -> dict[str, Any]:
    return dict(dance.sandbox.world.hooks)


class TestRegistering:
    def test_a_delivery_arrives_at_the_address_with_the_secret(
        self, home: Campaign, connected: Dance
    ) -> None:
        assert "sends to https://localhost/patreon/webhook/" in run("register", "--url", SITE)
        [hook] = Webhook.objects.all()
        [there] = at_patreon(connected).values()
        assert (hook.patreon_id, hook.uri) == (there.id, there.uri)
        assert hook.secret.open() == there.secret
        act(connected.sandbox, "gold", "change", tier="Silver")
        for each in there.queue:
            status = Robot(Client()).send(
                each.body.encode(),
                each.event,
                to=hook.uri.removeprefix(SITE),
                secret=there.secret,
            )
            assert status == 200
        assert webhooks.apply_waiting().looks == 1

    def test_once_more_makes_no_second_one(self, home: Campaign, connected: Dance) -> None:
        for _ in range(3):
            run("register", "--url", SITE)
        assert Webhook.objects.count() == len(at_patreon(connected)) == 1
        run("register", "--url", SITE, "--events", "members:update")
        assert [each.triggers for each in at_patreon(connected).values()] == [["members:update"]]
        assert Webhook.objects.get().triggers == ["members:update"]

    def test_an_answer_that_is_lost_is_found_again(
        self, home: Campaign, connected: Dance, patreon: responses.RequestsMock
    ) -> None:
        """As a kill between Patreon's answer and our note of it."""
        row = Webhook(campaign=home, triggers=list(hooks.EVENTS))
        row.save()
        row.uri = f"{SITE}/patreon/webhook/{row.pk}/"
        row.save()
        made = hooks._client(home).create_webhook(HOME, uri=row.uri, triggers=hooks.EVENTS)
        run("register", "--url", SITE)
        row.refresh_from_db()
        assert (row.patreon_id, row.secret.open()) == (made.id, made.secret)
        assert len(at_patreon(connected)) == 1

    def test_one_that_patreon_refuses_leaves_nothing(self, home: Campaign) -> None:
        with pytest.raises(CommandError):
            run("register", "--url", "http://example.org")
        assert not Webhook.objects.exists()

    def test_without_an_answer_the_next_time_finds_out(
        self, home: Campaign, connected: Dance
    ) -> None:
        connected.order("reset", path=PATH)
        with pytest.raises(Unavailable):
            hooks._make(home, SITE, hooks.EVENTS)
        assert Webhook.objects.get().patreon_id is None
        run("register", "--url", SITE)
        assert Webhook.objects.count() == len(at_patreon(connected)) == 1

    @pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org"])
    def test_a_wrong_address_is_refused(self, home: Campaign, url: str) -> None:
        with pytest.raises(CommandError, match="--url"):
            run("register", "--url", url)
        assert not Webhook.objects.exists()

    def test_one_campaign_can_be_chosen(self, home: Campaign) -> None:
        assert "no webhook is registered" in run("list", "--campaign", HOME)
        with pytest.raises(CommandError, match="knows no campaign '7'"):
            run("list", "--campaign", "7")

    def test_without_a_connected_campaign_it_says_what_to_do(self, ours: Campaign) -> None:
        with pytest.raises(CommandError, match="connects it in the admin"):
            run("list")

    def test_it_needs_the_scope(self, home: Campaign) -> None:
        PatreonAccount.objects.update(scopes=["campaigns.members"])
        with pytest.raises(CommandError, match=r"w:campaigns\.webhook"):
            run("register", "--url", SITE)


class TestOneThatIsRegistered:
    @pytest.fixture
    def hook(self, home: Campaign) -> Webhook:
        return hooks.register(home, SITE)

    def test_it_is_listed(self, hook: Webhook) -> None:
        said = run("list")
        assert f"webhook {hook.patreon_id}, active, not used yet" in said
        assert "members:pledge:create" in said
        assert hook.secret.open() not in said

    def test_rotating_accepts_both_secrets_as_long_as_both_exist(
        self, hook: Webhook, connected: Dance
    ) -> None:
        body = b'{"data": {"id": null}}'
        robot = Robot(Client())
        old = hook.secret.open()
        new = hooks._make(hook.campaign, SITE, hook.triggers)
        for each in (hook, new):
            to = f"/patreon/webhook/{each.pk}/"
            assert robot.send(body, to=to, secret=each.secret.open()) == 200
        assert "is replaced by" in run("rotate")
        assert not {each.secret for each in at_patreon(connected).values()} & {old}
        assert robot.send(body, to=f"/patreon/webhook/{hook.pk}/", secret=old) == 503

    def test_one_that_fails_is_not_replaced_before_it_has_sent_what_waits(
        self, hook: Webhook, connected: Dance
    ) -> None:
        there = connected.sandbox.world.hooks[hook.patreon_id or ""]
        there.num_consecutive_times_failed, there.paused = 3, True
        hooks.read_from_patreon(hook.campaign)
        with pytest.raises(CommandError, match="Mend the address"):
            run("rotate")
        assert [*at_patreon(connected)] == [hook.patreon_id]

    def test_unpausing_says_whether_patreon_sends_again(
        self, hook: Webhook, connected: Dance
    ) -> None:
        there = connected.sandbox.world.hooks[hook.patreon_id or ""]
        there.num_consecutive_times_failed, there.paused = 3, True
        with pytest.raises(CommandError):
            run("unpause")  # nothing listens at the address
        hook.refresh_from_db()
        assert (there.paused, hook.is_paused, hook.failures) == (False, False, 3)
        there.num_consecutive_times_failed = 0
        assert f"webhook {hook.patreon_id} sends again." in run("unpause")

    def test_the_list_says_when_patreon_has_tried(self, hook: Webhook, connected: Dance) -> None:
        at_patreon(connected)[hook.patreon_id or ""].last_attempted_at = timezone.now()
        assert f"0 failures in a row, last attempt {timezone.now():%Y-%m-%d}" in run("list")
        run("delete")
        assert "no webhook is registered" in run("list")

    def test_a_deleted_one_is_gone_at_both_ends(self, hook: Webhook, connected: Dance) -> None:
        run("delete")
        assert not at_patreon(connected)
        assert not Webhook.objects.exists()

    def test_one_that_was_deleted_at_patreon_is_gone_here(
        self, hook: Webhook, connected: Dance
    ) -> None:
        connected.sandbox.world.hooks.clear()
        with pytest.raises(CommandError, match="no webhook is registered"):
            run("test")
        assert not Webhook.objects.exists()

    @pytest.fixture
    def site(self, hook: Webhook, patreon: responses.RequestsMock) -> responses.RequestsMock:
        """What answers at the address of the webhook: the site, until a test says otherwise."""

        def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
            response = Client().generic(
                "POST",
                request.path_url,
                request.body,
                content_type=request.headers["Content-Type"],
                headers={
                    name: value for name, value in request.headers.items() if name[:2] == "X-"
                },
            )
            return response.status_code, {}, response.content

        patreon.add_callback(responses.POST, hook.uri, callback=answer)
        return patreon

    def test_a_test_arrives(self, site: responses.RequestsMock) -> None:
        for count in (1, 2):
            assert "answers 200, and the test has arrived." in run("test")
            assert WebhookDelivery.objects.filter(state="ignored").count() == count

    @pytest.mark.parametrize(
        ("status", "said"),
        [(200, "has not arrived"), (404, "has not arrived"), (403, "secret"), (503, "secret")],
    )
    def test_a_test_that_ends_at_another_server_fails(
        self, hook: Webhook, patreon: responses.RequestsMock, status: int, said: str, capsys: Any
    ) -> None:
        patreon.add(responses.POST, hook.uri, status=status)
        with pytest.raises(CommandError):
            call_command("patreon_webhooks", "test")
        assert f"answers {status}" in (out := capsys.readouterr().out)
        assert said in out

    def test_a_test_without_an_answer_fails(self, hook: Webhook, patreon: Any) -> None:
        patreon.add(responses.POST, hook.uri, body=requests.ConnectionError("no route"))
        with pytest.raises(CommandError, match="does not answer"):
            run("test")

    def test_after_a_rotation_that_was_killed_one_is_left(
        self, hook: Webhook, connected: Dance
    ) -> None:
        hooks._make(hook.campaign, SITE, hook.triggers)  # and killed before the old one is deleted
        assert len(at_patreon(connected)) == 2
        run("rotate")
        [row] = Webhook.objects.all()
        assert [*at_patreon(connected)] == [row.patreon_id]

    def test_registering_keeps_the_newest_of_several(self, hook: Webhook, connected: Dance) -> None:
        new = hooks._make(hook.campaign, SITE, hook.triggers)
        run("register", "--url", SITE)
        assert [*at_patreon(connected)] == [new.patreon_id]
        assert Webhook.objects.get() == new

    def test_registering_keeps_one_that_still_has_something_to_send(
        self, hook: Webhook, connected: Dance
    ) -> None:
        hooks._make(hook.campaign, SITE, hook.triggers)
        at_patreon(connected)[hook.patreon_id or ""].num_consecutive_times_failed = 2
        run("register", "--url", SITE)
        assert len(at_patreon(connected)) == 2

    def test_one_whose_row_is_lost_is_replaced(self, hook: Webhook, connected: Dance) -> None:
        """The database was restored from a backup: nobody knows the secret of that webhook."""
        other = hooks._make(hook.campaign, "https://other.example", hook.triggers)
        Webhook.objects.all().delete()
        run("register", "--url", SITE)
        row = Webhook.objects.get()
        assert {*at_patreon(connected)} == {row.patreon_id, other.patreon_id}

    @pytest.fixture
    def empty_list(self, patreon: responses.RequestsMock) -> list[Webhook]:
        """Patreon lists no webhook; what is in this list is saved before it answers."""
        made_meanwhile: list[Webhook] = []

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            for each in made_meanwhile:
                each.save()
            return 200, {}, '{"data": [], "meta": {"total": 0}}'

        patreon.remove(responses.GET, re.compile(re.escape(PATREON)))
        patreon.add_callback(responses.GET, re.compile(re.escape(PATREON)), callback=answer)
        return made_meanwhile

    def test_a_list_that_lacks_it_costs_no_secret(
        self, hook: Webhook, empty_list: list[Webhook]
    ) -> None:
        secret = hook.secret.open()
        assert hooks.read_from_patreon(hook.campaign) == [hook]
        assert Webhook.objects.get().secret.open() == secret

    def test_one_that_another_process_makes_meanwhile_is_kept(
        self, hook: Webhook, connected: Dance, empty_list: list[Webhook]
    ) -> None:
        """Patreon's list is older than the row."""
        connected.sandbox.world.hooks.clear()
        late = Webhook(campaign=hook.campaign, patreon_id="77", uri="https://localhost/x/")
        empty_list.append(late)
        assert hooks.read_from_patreon(hook.campaign) == [late]

    @pytest.mark.parametrize("status", [401, 429, 500])
    def test_one_that_patreon_does_not_say_anything_about_is_kept(
        self,
        hook: Webhook,
        empty_list: list[Webhook],
        patreon: responses.RequestsMock,
        status: int,
    ) -> None:
        patreon.remove(responses.PATCH, re.compile(re.escape(PATREON)))
        patreon.add(responses.PATCH, re.compile(re.escape(PATREON)), status=status)
        with pytest.raises(PatreonError):
            hooks.read_from_patreon(hook.campaign)
        assert Webhook.objects.exists()

    def test_a_row_that_is_deleted_while_patreon_answers_comes_back(
        self, home: Campaign, patreon: responses.RequestsMock
    ) -> None:
        """Another process reads Patreon's list before the webhook is on it."""

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            Webhook.objects.all().delete()
            attributes = {"secret": "s" * 64, "triggers": ["members:update"]}
            data = {"id": "5", "type": "webhook", "attributes": attributes}
            return 201, {}, json.dumps({"data": data})

        patreon.remove(responses.POST, re.compile(re.escape(PATREON)))
        patreon.add_callback(responses.POST, re.compile(re.escape(PATREON)), callback=answer)
        hook = hooks.register(home, SITE, ["members:update"])
        assert Webhook.objects.get() == hook
        assert Webhook.objects.get().secret.open() == "s" * 64


class TestKeys:
    """`patreon_rotate_keys` takes the secrets of webhooks along."""

    def test_the_older_key_can_be_dropped(self, home: Campaign, settings: Any) -> None:
        secret = hooks.register(home, SITE).secret.open()
        settings.PATREON = {**settings.PATREON, "TOKEN_KEYS": ["n" * 40, settings.SECRET_KEY]}
        call_command("patreon_rotate_keys", verbosity=0)
        settings.PATREON = {**settings.PATREON, "TOKEN_KEYS": ["n" * 40]}
        assert Webhook.objects.get().secret.open() == secret

    def test_a_secret_whose_key_is_lost_is_named_and_comes_from_patreon(
        self, home: Campaign, settings: Any
    ) -> None:
        hook = hooks.register(home, SITE)
        secret = hook.secret.open()
        Webhook.objects.update(secret=Sealed("no key opens this"))
        err = io.StringIO()
        call_command("patreon_rotate_keys", verbosity=0, stderr=err)
        assert hook.patreon_id in err.getvalue()
        [problem] = health.problems_of(home, list(Webhook.objects.all()))
        assert "no secret that can be read" in problem
        run("list")
        assert Webhook.objects.get().secret.open() == secret


class TestHealth:
    @pytest.fixture
    def hook(self, home: Campaign, connected: Dance) -> Any:
        row = hooks.register(home, SITE)
        return connected.sandbox.world.hooks[row.patreon_id or ""]

    def said(self) -> tuple[int, str]:
        try:
            return 0, run("health")
        except CommandError as error:
            return error.returncode, str(error)

    def test_all_is_well(self, hook: Any) -> None:
        assert self.said() == (0, "Lanternhouse: all is well.\n")

    @pytest.mark.django_db(transaction=True)
    def test_one_that_is_paused_fails(self, hook: Any, home: Campaign, caplog: Any) -> None:
        hook.paused, hook.num_consecutive_times_failed = True, 4
        assert self.said()[0] == 1
        [problem] = health.problems_of(home, hooks.read_from_patreon(home))
        assert "paused after 4 failures" in problem
        Webhook.objects.update(checked_at=timezone.now() - timedelta(days=2))
        with suppress(CommandError):
            call_command("patreon_tick", verbosity=0)
        with suppress(CommandError):
            call_command("patreon_tick", verbosity=0)
        assert caplog.text.count("is paused after 4 failures") == 1

    def test_one_that_patreon_sends_to_and_nothing_arrives(self, hook: Any, home: Campaign) -> None:
        hook.last_attempted_at = timezone.now()
        [problem] = health.problems_of(home, hooks.read_from_patreon(home))
        assert "nothing of it has arrived" in problem

    def test_one_that_is_silent_for_too_long(
        self, hook: Any, home: Campaign, connected: Dance
    ) -> None:
        Webhook.objects.update(created_at=timezone.now() - timedelta(days=40))
        assert not health.problems_of(home, hooks.read_from_patreon(home))
        call_command("patreon_sync", verbosity=0)
        [problem] = health.problems_of(home, hooks.read_from_patreon(home))
        assert "silent" in problem

    def test_none_at_all(self, hook: Any, home: Campaign, connected: Dance) -> None:
        connected.sandbox.world.hooks.clear()
        assert self.said()[0] == 1

    def test_the_tick_goes_on_with_the_next_campaign(
        self, hook: Any, home: Campaign, capsys: Any
    ) -> None:
        """Of one that is not connected any more Patreon is asked once a day."""
        other = Campaign.objects.create(
            patreon_id="77", name="Another", is_ours=True, fetched_at=timezone.now()
        )
        Webhook.objects.create(campaign=other, patreon_id="1")
        Webhook.objects.update(checked_at=None)
        with suppress(CommandError):
            call_command("patreon_tick")
        said = capsys.readouterr()
        assert "Webhooks' health: Lanternhouse: all is well." in said.out
        assert "Another: the webhooks could not be checked: Webhooks need the scope" in said.err
        assert not health.due_for_a_look()

    def test_one_campaign_that_fails_does_not_hide_the_next(self, hook: Any) -> None:
        Campaign.objects.create(
            patreon_id="77",
            name="Another",
            is_ours=True,
            creator=PatreonAccount.objects.create(
                user=get_user_model().objects.create_user("other"), patreon_id="7"
            ),
            fetched_at=timezone.now(),
        )
        out = io.StringIO()
        with pytest.raises(CommandError, match="Another: Webhooks need the scope") as error:
            call_command("patreon_webhooks", "health", stdout=out)
        assert error.value.returncode == 2
        assert "Lanternhouse: all is well." in out.getvalue()

    def test_patreon_cannot_be_asked(self, hook: Any, connected: Dance) -> None:
        connected.order("http_503_html", path=PATH, times=20)
        assert self.said()[0] == 2


class TestReplaying:
    def test_it_applies_again(self, hooked: Dance, robot: Robot) -> None:
        act(hooked.sandbox, "gold", "change", tier="Silver")
        count = deliver(hooked, robot)
        webhooks.apply_waiting()
        assert f"{count} deliveries are replayed" in run("replay")
        assert "0 deliveries are replayed" in run("replay", "--failed")
        assert f"{count} deliveries are replayed" in run("replay", "--since", "2h")
        assert f"{count} deliveries are replayed" in run("replay", "--since", "2026-01-01")
        WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(days=2))
        assert "0 deliveries are replayed" in run("replay", "--since", "1d")

    @pytest.mark.parametrize("since", ["soon", "2026-13-01", "99999999999d", "", "d"])
    def test_a_wrong_time_is_refused(self, db: None, since: str) -> None:
        with pytest.raises(CommandError, match="--since"):
            run("replay", "--since", since)


def test_a_missed_hour_is_made_good(hooked: Dance, robot: Robot) -> None:
    """The site is away for an hour: Patreon keeps what failed, and sends it when told to."""
    [there] = at_patreon(hooked).values()
    call_command("patreon_sync", verbosity=0)
    for user, do in (("gold", "cancel"), ("silver", "decline"), ("stranger", "pledge")):
        act(hooked.sandbox, user, do, tier="Gold")
    assert there.queue
    deliver(hooked, robot, lambda queue: queue[::-1])
    webhooks.apply_waiting()
    for each in hooked.sandbox.world.members_of(HOME):
        row = Membership.objects.get(patreon_id=each.id)
        assert row.patron_status == each.patron_status
        assert set(row.tiers.values_list("patreon_id", flat=True)) == set(each.tier_ids)
