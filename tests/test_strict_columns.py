"""Whatever Patreon says, its answer ends in whole rows or in a page: every column, every bad value.

SQLite takes texts of any length and never tells, so `tests/test_databases.py` runs these on
PostgreSQL and MariaDB too, and what the rows hold is compared with their columns here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.http import HttpResponse
from social_core.pipeline.partial import partial

from django_patreon import sync
from django_patreon.backends import PIPELINE
from django_patreon.models import Campaign, Membership, PatreonAccount, SyncRun, Tier
from django_patreon.resources import Campaign as CampaignNews
from django_patreon.resources import Member, User
from django_patreon.resources import Tier as TierNews
from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.web.messages import Response

from .dance import Dance, wire
from .test_account import ACCESS, REFRESH, SCOPES

pytestmark = pytest.mark.django_db
TOKEN, IDENTITY, CAMPAIGNS = "/token", "/identity", "/campaigns"
Column = tuple[type[models.Model], str]

VALUES: dict[str, Any] = {
    "nothing": None,
    "empty": "",
    "a space": " ",
    "too long": "x" * 300,
    "far too long": "y" * 70_000,
    "NUL": "a\0b",
    "a lone surrogate": "a\ud83d",
    "emoji": "🦊",
    "too many emoji": "🦊" * 300,
    "other digits": "١٢٣",
    "another case": "ABCDEF",
    "a broken address": "http://[",
    "an address too long": "c" * 60 + "@" + "example." * 32 + "org",
    "an address with NUL": "ow\0ner@example.org",
    "beyond an int": 2**31,
    "beyond a bigint": 2**63,
    "far beyond": 10**40,
    "negative": -1,
    "far below": -(10**40),
    "huge, as text": "9" * 18,
    "a fraction": 1.5,
    "infinite": float("inf"),
    "not a number": float("nan"),
    "true": True,
    "a list": ["a\0b"],
    "an object nested deeply": {"a\0b": json.loads("[" * 60 + "]" * 60)},
    "year 1": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59.999999-14:00",
    "no year": "10000-01-01T00:00:00Z",
}
WHOLE = {each for each in VALUES.values() if isinstance(each, str)}
FULL_WIDTH = {ord(str(each)): chr(0xFF10 + each) for each in range(10)}
KINDS: dict[type[models.Model], tuple[str, Any]] = {
    PatreonAccount: ("user", User),
    Campaign: ("campaign", CampaignNews),
    Tier: ("tier", TierNews),
    Membership: ("member", Member),
}
OURS = {
    "id",
    "user",
    "account",
    "token_generation",
    "client_id",
    "refresh_lease",
    "refresh_lease_until",
    "state",
    "last_refresh_attempt_at",
    "last_refresh_success_at",
    "last_refresh_failure_at",
    "last_refresh_message",
    "last_sign_in_at",
    "last_look_at",
    "created_at",
    "fetched_at",
    "synced_at",
    "seen_by",
    "digest",
    "blank_since",
    "declined_since",
    "remembered",
    "is_ours",
    "is_claimed",
    "is_erased",
}
"""Columns whose values are not Patreon's."""


def the_id_of(kind: str) -> Callable[[Any, Any], None]:
    """Name every resource of a kind by the value, wherever the document speaks of it."""

    def change(document: Any, value: Any) -> None:
        if isinstance(document, list):
            for each in document:
                change(each, value)
        elif isinstance(document, dict):
            if document.get("type") == kind and "id" in document:
                document["id"] = value
            for each in document.values():
                change(each, value)

    return change


def attribute(kind: str, name: str) -> Callable[[Any, Any], None]:
    def change(document: Any, value: Any) -> None:
        data = document.get("data", [])
        items = [*(data if isinstance(data, list) else [data]), *document.get("included", [])]
        for each in items:
            if each["type"] == kind:
                each.setdefault("attributes", {})[name] = value

    return change


def of_the_token(name: str) -> Callable[[Any, Any], None]:
    def change(document: Any, value: Any) -> None:
        document[name] = value

    return change


def email(document: Any, value: Any) -> None:
    attribute("user", "email")(document, value)
    attribute("user", "is_email_verified")(document, True)


USER_ID, CAMPAIGN_ID, LIFE = the_id_of("user"), the_id_of("campaign"), of_the_token("expires_in")
ELSEWHERE: dict[Column, tuple[str, Callable[[Any, Any], None]]] = {
    (PatreonAccount, "patreon_id"): (IDENTITY, USER_ID),
    (PatreonAccount, "email"): (IDENTITY, email),
    (PatreonAccount, "access_token"): (TOKEN, of_the_token("access_token")),
    (PatreonAccount, "refresh_token"): (TOKEN, of_the_token("refresh_token")),
    (PatreonAccount, "scopes"): (TOKEN, of_the_token("scope")),
    (PatreonAccount, "token_expires_at"): (TOKEN, LIFE),
    (PatreonAccount, "token_lifetime"): (TOKEN, LIFE),
    (Campaign, "patreon_id"): (IDENTITY, CAMPAIGN_ID),
    (Campaign, "creator"): (IDENTITY, CAMPAIGN_ID),
    (Tier, "patreon_id"): (IDENTITY, the_id_of("tier")),
    (Tier, "campaign"): (IDENTITY, CAMPAIGN_ID),
    (Membership, "patreon_id"): (IDENTITY, the_id_of("member")),
    (Membership, "campaign"): (IDENTITY, CAMPAIGN_ID),
    (Membership, "patreon_user_id"): (IDENTITY, USER_ID),
}
"""Columns that are filled from something else than the attribute of their name."""


def source_of(column: Column) -> tuple[str, Callable[[Any, Any], None]] | None:
    """Where Patreon's answers have what fills a column; None if Patreon has no say in it."""
    model, name = column
    if column in ELSEWHERE:
        return ELSEWHERE[column]
    kind, resource = KINDS[model]
    if name not in OURS and name in {each.name for each in dataclasses.fields(resource)}:
        return IDENTITY, attribute(kind, name)
    return None


COLUMNS: list[Column] = [
    (model, each.name) for model in KINDS for each in model._meta.concrete_fields
]
FOREIGN = [each for each in COLUMNS if source_of(each) is not None]


def every_attribute(document: Any, value: Any) -> None:
    """Put the value into every attribute that fills a column, of every resource in the answer."""
    for name in ("first_name", "last_name"):  # for the site's own user
        attribute("user", name)(document, value)
    for column in FOREIGN:
        source = source_of(column)
        if source is not None and (column not in ELSEWHERE or source[1] is email):
            source[1](document, value)


def cases() -> Iterator[Any]:
    """What is read on its own is driven at once; ids and tokens, of which one can end a sign-in,
    each by itself."""
    yield pytest.param((IDENTITY, every_attribute), id="attributes")
    told: set[Any] = {(IDENTITY, email)}
    for column, source in ELSEWHERE.items():
        if source not in told:
            told.add(source)
            yield pytest.param(source, id=f"{column[0].__name__}.{column[1]}")


class Odd:
    """The sandbox, in whose answers something is changed on the way."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.change: tuple[str, Callable[[Any, Any], None]] | None = None
        self.value: Any = None

    def handle(self, request: Request) -> Response:
        answer = self.sandbox.handle(request)
        if self.change is None or not request.path.endswith(self.change[0]):
            return answer
        document = json.loads(answer.body)
        self.change[1](document, self.value)
        return dataclasses.replace(answer, body=json.dumps(document).encode())


@pytest.fixture
def odd(db: None, sandbox: Sandbox) -> Iterator[Odd]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        odd = Odd(sandbox)
        wire(mock, odd)  # type: ignore[arg-type]
        yield odd


def users() -> Any:
    return get_user_model().objects


def associations() -> Any:
    return apps.get_model("social_django", "UserSocialAuth").objects


def start_afresh() -> None:
    users().all().delete()
    for model in (Membership, Tier, Campaign):
        model._default_manager.all().delete()


def assert_whole() -> None:
    """There is all of a sign-in or nothing, and every row fits into its columns."""
    people = set(users().values_list("pk", flat=True))
    assert set(PatreonAccount.objects.values_list("user", flat=True)) == people
    assert set(associations().values_list("user", flat=True)) == people
    for model in (get_user_model(), *KINDS):
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                assert_fits(field, getattr(row, field.attname))


def assert_fits(field: Any, value: Any) -> None:
    if isinstance(value, str):
        assert field.max_length is None or len(value) <= field.max_length, field
        assert "\0" not in value, field
        value.encode()
    elif isinstance(field, models.IntegerField) and value is not None:
        least, most = connection.ops.integer_field_range(field.get_internal_type())
        assert least is None or value >= least, field
        assert most is None or value <= most, field


def known_ids() -> set[str]:
    return {
        key
        for model in KINDS
        for key in model._default_manager.values_list("patreon_id", flat=True)  # type: ignore[misc]
    } | set(Membership.objects.values_list("patreon_user_id", flat=True))


def test_every_column_is_patreons_or_ours() -> None:
    """A new column is driven as soon as it exists: by the attribute of its name, or else here."""
    foreign = {name for _model, name in FOREIGN}
    assert {name for _model, name in COLUMNS} - foreign == OURS


@pytest.mark.parametrize("source", list(cases()))
class TestABadValue:
    def test_ends_a_first_sign_in_in_whole_rows_or_in_a_page(self, odd: Odd, source: Any) -> None:
        Dance(odd.sandbox).sign_in("bronze")
        real = known_ids()
        for name, value in VALUES.items():
            start_afresh()
            dance = Dance(odd.sandbox)
            callback = dance.consent(dance.begin(), sandbox_user="bronze")
            odd.change, odd.value = source, value
            answer = dance.finish(callback)
            odd.change = None
            assert answer.status_code in (302, 400, 403, 409, 502), name
            assert (answer.status_code == 302) is (dance.user is not None), name
            assert (answer.status_code == 302) is users().exists(), name
            assert_whole()
            assert known_ids() <= real | WHOLE, name
            if dance.user is not None:
                for page in ("/patreon/account/", "/patreon/locked/", "/gates/decorator/gold/"):
                    assert dance.client.get(page).status_code in (200, 403), name

    def test_ends_a_later_one_and_check_again_so_too(self, odd: Odd, source: Any) -> None:
        dance = Dance(odd.sandbox)
        dance.sign_in("bronze")
        real, person = known_ids(), dance.user
        for name, value in VALUES.items():
            callback = dance.consent(dance.begin(), sandbox_user="bronze")
            PatreonAccount.objects.update(last_look_at=None)
            odd.change, odd.value = source, value
            again = dance.client.post("/patreon/refresh/")
            answer = dance.finish(callback)
            odd.change = None
            assert again.status_code == 302, name
            assert answer.status_code in (302, 400, 403, 409, 502), name
            assert dance.user == person, name
            assert_whole()
            assert known_ids() <= real | WHOLE, name

    def test_ends_an_import_so_too(
        self, odd: Odd, source: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = odd.sandbox.world.person_called("creator")
        assert person is not None
        for name, value in VALUES.items():
            start_afresh()
            owner = users().create_user("owner")
            pair = odd.sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
            monkeypatch.setenv(ACCESS, pair.access_token)
            monkeypatch.setenv(REFRESH, pair.refresh_token)
            odd.change, odd.value = source, value
            try:
                call_command("patreon_import_tokens", "owner")
            except CommandError:
                assert not PatreonAccount.objects.exists(), name
                assert not associations().exists(), name
                assert not Campaign.objects.exists(), name
            else:
                assert PatreonAccount.objects.get().user == owner
                assert_whole()
            odd.change = None


@pytest.fixture
def campaign(odd: Odd, settings: Any) -> Campaign:
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["campaigns", "campaigns.members", "w:campaigns.webhook"]
    Dance(odd.sandbox).sign_in("creator")
    return Campaign.objects.get(patreon_id=HOME)


@pytest.mark.parametrize("source", [each for each in cases() if each.values[0][0] == IDENTITY])
def test_a_bad_value_ends_the_sync_of_a_campaign_in_whole_rows_or_in_an_error(
    odd: Odd, campaign: Campaign, source: Any
) -> None:
    sync.sync_campaign(campaign)
    real, odd.change = known_ids(), ("/members", source[1])
    for name, value in VALUES.items():
        odd.value = value
        result = sync.sync_campaign(campaign, force=True)
        assert "Error" not in result.message, name
        for model in (*KINDS, SyncRun):
            for row in model._default_manager.all():
                for field in model._meta.concrete_fields:
                    assert_fits(field, getattr(row, field.attname))
        assert known_ids() <= real | WHOLE, name


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_neither_a_total_nor_a_cursor_breaks_the_sync_of_a_campaign(
    odd: Odd, campaign: Campaign, value: Any
) -> None:
    def change(document: Any, value: Any) -> None:
        if "meta" in document:  # else the sandbox refuses the cursor
            document["meta"]["pagination"] |= {"total": value, "cursors": {"next": value}}

    odd.change, odd.value = ("/members", change), value
    result = sync.sync_campaign(campaign)
    assert "Error" not in result.message
    for run in SyncRun.objects.all():
        for field in SyncRun._meta.concrete_fields:
            assert_fits(field, getattr(run, field.attname))


@pytest.mark.parametrize("other", [str.upper, lambda key: key.translate(FULL_WIDTH)])
def test_an_id_that_a_database_takes_for_another_ones_signs_nobody_in(
    odd: Odd, other: Callable[[str], str]
) -> None:
    """MySQL's usual collations find `ab` where `AB` is asked for, and digits of other scripts."""
    odd.change, odd.value = (IDENTITY, USER_ID), "ab12"
    Dance(odd.sandbox).sign_in("gold")
    odd.value = other("ab12")
    dance = Dance(odd.sandbox)
    answer = dance.sign_in("silver")
    assert 400 <= answer.status_code < 500 or answer.status_code == 502
    assert dance.user is None
    assert users().count() == 1


def test_what_is_ignored_is_logged_with_its_reason(odd: Odd, caplog: Any) -> None:
    odd.change, odd.value = (IDENTITY, the_id_of("tier")), "x" * 65
    Dance(odd.sandbox).sign_in("gold")
    assert not Tier.objects.exists()
    assert "without an id that can be kept: they are ignored" in caplog.text
    assert "x" * 65 not in caplog.text


def test_a_membership_of_an_unusable_person_is_nobodys(odd: Odd) -> None:
    def change(document: Any, value: Any) -> None:
        for each in document["included"]:
            if each["type"] == "member":
                each["relationships"]["user"] = {"data": {"type": "user", "id": value}}

    odd.change, odd.value = (IDENTITY, change), "12\0"
    dance = Dance(odd.sandbox)
    assert dance.sign_in("gold").status_code == 302
    assert not Membership.objects.exists()


def test_the_page_of_a_declined_patron_bears_an_address_that_is_none(odd: Odd) -> None:
    odd.change, odd.value = (IDENTITY, attribute("campaign", "url")), "http://["
    dance = Dance(odd.sandbox)
    dance.sign_in("declined-out")
    page = dance.client.get("/gates/decorator/any/")
    assert page.status_code == 403
    assert b'href="https://www.patreon.com/"' in page.content


def test_a_word_with_rubbish_in_it_is_no_word_that_opens(odd: Odd) -> None:
    odd.change, odd.value = (IDENTITY, attribute("member", "patron_status")), "active\0_patron"
    dance = Dance(odd.sandbox)
    dance.sign_in("gold")
    assert dance.client.get("/gates/decorator/any/").status_code == 403


def test_an_answer_that_a_step_interrupts_is_kept(odd: Odd, settings: Any) -> None:
    """social-auth writes it into a JSON column, and PostgreSQL takes no NUL there."""
    settings.SOCIAL_AUTH_PIPELINE = [*PIPELINE[:-1], "tests.test_strict_columns.stop", PIPELINE[-1]]
    odd.value = {"a\0": ["\ud83d", float("nan"), json.loads("[" * 60 + "]" * 60)]}
    odd.change = IDENTITY, attribute("user", "social_connections")
    assert Dance(odd.sandbox).sign_in("gold").content == b"one question first"


@partial
def stop(*args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("one question first")
