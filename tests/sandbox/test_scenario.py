"""Scenario files: what they change, and how errors in them are reported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.files.dataclass_json import line_of
from django_patreon.sandbox.files.scenario import read_scenario

from .client import control, get, tokens_for

HOME = "4410027"


def sandbox_of(document: Any) -> Sandbox:
    return Sandbox(scenario=read_scenario(json.dumps(document)))


def membership(sandbox: Sandbox, slug: str) -> Any:
    person = sandbox.world.person_called(slug)
    assert person is not None
    return sandbox.world.membership(person.id, HOME)


def test_tiers_members_settings_and_faults_are_there_at_the_start() -> None:
    sandbox = sandbox_of(
        {
            "tiers": [
                {"title": "Platinum", "amount_cents": 2500, "id": "9100009"},
                {"title": "gold", "amount_cents": 1100},
            ],
            "members": [
                {"slug": "zoe", "full_name": "Zoe Park", "tiers": ["Platinum"]},
                {"slug": "max", "tiers": [], "email": None},
                {"slug": "gold", "patron_status": "declined_patron", "next_charge_date": None},
                {"slug": "ina", "is_email_verified": False},
            ],
            "crowd": 40,
            "settings": {"last_page": "no cursor, no links"},
            "faults": [{"kind": "http_503_html"}],
        }
    )
    assert membership(sandbox, "zoe").currently_entitled_amount_cents == 2500
    assert membership(sandbox, "zoe").tier_ids == ["9100009", "9100000"]
    assert membership(sandbox, "max").tier_ids == ["9100000"]
    assert membership(sandbox, "max").patron_status is None
    gold = membership(sandbox, "gold")
    assert (gold.patron_status, gold.next_charge_date) == ("declined_patron", None)
    assert gold.tier_ids == ["9100003", "9100000"]  # what is not said stays
    assert membership(sandbox, "ina") is None
    assert sandbox.world.tiers["9100003"].amount_cents == 1100
    assert len(sandbox.world.members_of(HOME)) > 60
    assert sandbox.settings.last_page == "no cursor, no links"
    assert get(sandbox, "x").status == 503
    assert tokens_for(sandbox, "zoe")["access_token"]


def test_a_reset_begins_with_the_scenario_again() -> None:
    sandbox = sandbox_of({"members": [{"slug": "zoe", "tiers": ["Gold"]}]})
    control(sandbox, "POST", "members", {"do": "cancel_now", "user": "zoe"})
    control(sandbox, "POST", "reset")
    assert membership(sandbox, "zoe").patron_status == "active_patron"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "Expecting"),
        ('{\n"tiers": [}', 2, "Expecting"),
        ("[]", 1, "object"),
        ('{\n\n"colour": 1}', 3, "colour"),
        ('{"members": [\n{"slug": "a"},\n{"slug": "b",\n "tiers": ["Tin"]}]}', 4, "Tin"),
        ('{"members": [{}]}', 1, "slug is missing"),
        ('{"members":\n {}}', 2, "list"),
        ('{"members": [\n{"slug": "a b"}]}', 2, "hyphens"),
        ('{"members": [{"slug": "gold",\n"last_charge_date": "soon"}]}', 2, "ISO"),
        ('{"members": [{"slug": "gold",\n"pledge_cadence": "1"}]}', 2, "whole number"),
        ('{"members": [{"slug": "gold",\n"is_gifted": 1}]}', 2, "true or false"),
        ('{"members": [\n{"slug": "creator", "tiers": []}]}', 2, "creator"),
        ('{"members": [{"slug": "a",\n"campaign": "1"}]}', 2, "campaign"),
        ('{"tiers": [{"title": "Tin",\n"amount_cents": -1}]}', 2, "amount_cents"),
        ('{"tiers": [{"title": "Tin", "amount_cents": 1,\n"campaign": "7"}]}', 2, "campaign"),
        ('{"tiers": [{"title": "Tin", "amount_cents": 1,\n"id": "x"}]}', 2, "number"),
        ('{\n"crowd": -5}', 2, "crowd"),
        ('{\n"settings": {"last_page": 7}}', 2, "last_page"),
        ('{"faults": [\n{"kind": "http_429"},\n{"kind": "rain"}]}', 3, "kind"),
        ("[" * 100_000, 1, "nested"),
        ('{"members": [{"slug": "gold",\n"patron_status": "patron"}]}', 2, "active_patron"),
        ('{"members": [{"slug": "gold",\n"last_charge_status": "paid"}]}', 2, "Paid"),
        ('{"members": [{"slug": "gold",\n"pledge_cadence": -1}]}', 2, "null, 1, 12"),
        ('{"members": [{"slug": "gold",\n"pledge_cadence": 0}]}', 2, "null, 1, 12"),
        ('{"members": [{"slug": "gold",\n"will_pay_amount_cents": -1}]}', 2, "must be 0 to"),
        ('{"members": [{"slug": "gold",\n"will_pay_amount_cents": null}]}', 2, "not be null"),
        ('{"members": [{"slug": "gold",\n"is_gifted": null}]}', 2, "not be null"),
        ('{"members": [{"slug": "gold",\n"next_charge_date": "0001-01-01"}]}', 2, "1970"),
        ('{"members": [{"slug": "a",\n"full_name": "\\ud83e"}]}', 2, "surrogate"),
        ('{"tiers": [{"amount_cents": 1,\n"title": "\\udfff"}]}', 2, "surrogate"),
        ('{"faults": [\n{"kind": []}]}', 2, "kind must be one of"),
        ('{"faults": [\n{"kind": "slow", "second": 3}]}', 2, "'second' is not known"),
        ('{"faults": [\n{"kind": "http_500_html", "seconds": 3}]}', 2, "'seconds' is not known"),
    ],
)
def test_an_error_is_reported_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(ValueError, match=f"^line {line}: .*{word}"):
        read_scenario(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.integers(0, 3))
def test_any_json_is_read_or_refused_with_a_line(document: Any, indent: int) -> None:
    text = json.dumps({"members": document, "tiers": document}, indent=indent)
    try:
        read_scenario(text)
        said = ""
    except ValueError as error:
        said = str(error)
    assert not said or said.startswith("line ")


@given(json_values)
def test_the_line_of_every_part_is_where_it_is(document: Any) -> None:
    text = json.dumps(document, indent=1)

    def look(value: Any, path: tuple[str | int, ...]) -> None:
        rest = "\n".join(text.split("\n")[line_of(text, path) - 1 :])
        assert (json.dumps(value)[:1]) in rest.split("\n", 1)[0]
        if isinstance(value, dict):
            for key, item in value.items():
                look(item, (*path, key))
        elif isinstance(value, list):
            for at, item in enumerate(value):
                look(item, (*path, at))

    look(document, ())
