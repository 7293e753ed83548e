"""The rule against what an operator can read: `memberships`, `rules` and `standings`, all `.txt`.

The first holds every combination of Patreon's words, asked for any paid support; the second every
kind of rule, asked of who pays; the third what each standing is worth to each kind of rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest

from django_patreon.entitlement import MembershipFacts, Requirement, Worth

from .words import (
    NOW,
    STATUSES,
    TIERS,
    ago,
    ahead,
    ask,
    charge,
    lines,
    number,
    plain,
    rule,
    standing,
    tiers,
)

# -- memberships.txt

ANY = Requirement()
NAMES = [
    *("status", "charge", "gift", "trial", "lists", "months"),
    *("charged", "since", "period", "before", "age"),
]
BACK = ("Refunded", "Refunded by Patreon", "Partially Refunded")
CHARGES = [
    *((word, charge(word)) for word in ("Paid", "Pending", "Free_Trial", "Declined", "Deleted")),
    *((word, charge(word)) for word in ("Fraud", "Other", "-")),
    *(("back", word) for word in BACK),
    ("NEW", "Chargeback"),
]
SILVER = Worth({TIERS["Silver"].id: 500}, 500, 1)
# Each column's words, and the facts that each word stands for.
Column = list[tuple[str, dict[str, Any]]]
COLUMNS: dict[str, Column] = {
    "status": [(word, {"patron_status": status}) for word, status in STATUSES.items()],
    "charge": [(word, {"last_charge_status": status}) for word, status in CHARGES],
    "gift": [("no", {"is_gifted": False}), ("yes", {"is_gifted": True})],
    "trial": [("no", {"is_free_trial": False}), ("yes", {"is_free_trial": True})],
    "charged": [(word, {"last_charge_date": ago(word)}) for word in ("2d", "40d", "-")],
    "since": [("8d", {"declined_since": ago("8d")}), ("-", {})],
    "period": [
        (word, {"next_charge_date": ahead(to)})
        for word, to in {"ahead": "5d", "over": "-10m", "past": "-20d", "-": "-"}.items()
    ],
    "before": [
        ("-", {}),
        *((word, {"blank_since": ago(word), "remembered": SILVER}) for word in ("1d", "3d")),
    ],
    "age": [("new", {"fetched_at": ago("1h")}), ("old", {"fetched_at": ago("14d")})],
}
LISTS = list(
    product(("-", "Free", "Free,Bronze", "Gold", "Unpriced"), ("-", "0", "3600"), ("-", "1", "12"))
)


class Line(NamedTuple):
    """A line of the table: what fits it (None: everything), and its answer."""

    cells: dict[str, set[str] | None]
    answer: str
    text: str

    def fits(self, name: str, word: str) -> bool:
        cell = self.cells[name]
        return cell is None or word in cell


def read_memberships() -> tuple[list[Line], list[Line]]:
    """Read the short table, of what is paid support, and the long one."""
    tables: dict[int, list[Line]] = {2: [], len(NAMES): []}
    for text in lines("memberships.txt"):
        pattern, answer = text.split("|")
        cells = [None if cell == "*" else set(cell.split("/")) for cell in pattern.split()]
        names = NAMES if len(cells) > 2 else ("tiers", "amount")
        line = Line(dict(zip(names, cells, strict=True)), plain(answer), text)
        tables[len(cells)].append(line)
    return tables[2], tables[len(NAMES)]


def combinations(
    names: list[str], table: list[Line], facts: dict[str, Any]
) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Choose a word in each column in every way: the first line that fits them, and the facts."""
    if not names:
        yield table[0], facts
        return
    name, *others = names
    for word, meant in COLUMNS[name]:
        if name == "since" and word != "-" and not says_declined(facts):
            continue
        fitting = [line for line in table if line.fits(name, word)]
        yield from combinations(others, fitting, {**facts, **meant})


def says_declined(facts: dict[str, Any]) -> bool:
    """Only such a membership says since when it is declined, so the others are not asked twice."""
    return facts["patron_status"] == "declined_patron" or facts["last_charge_status"] == "Declined"


def test_every_combination_is_decided_as_the_table_of_memberships_says() -> None:
    """T6, T7, T8, T9, T12.

    There are many combinations of few facts, so each fact is made once, and the line that decides
    is looked up once for all lists that it cannot tell apart. What is left is the deciding. It is
    done for every list with TEST_THOROUGHLY=1; else for one of those lists, each in its turn.
    """
    thoroughly = bool(os.environ.get("TEST_THOROUGHLY"))
    worths, table = read_memberships()
    used: set[str] = set()
    listed: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for titles, amount, months in LISTS:
        worth = next(e for e in worths if e.fits("tiers", titles) and e.fits("amount", amount))
        used.add(worth.text)
        facts = {
            "tiers": tiers(titles),
            "currently_entitled_amount_cents": number(amount),
            "pledge_cadence": number(months),
        }
        listed.setdefault((worth.answer, months), []).append(facts)
    count = 0
    for (lists, months), choices in listed.items():
        fitting = [e for e in table if e.fits("lists", lists) and e.fits("months", months)]
        for line, facts in combinations([*COLUMNS], fitting, {"campaign_id": "ours"}):
            used.add(line.text)
            for choice in choices if thoroughly else [choices[count % len(choices)]]:
                membership = MembershipFacts(**facts, **choice)
                assert ask(membership, ANY) == line.answer, (line.text, membership)
                count += 1
    of_words = 5 * 12 + (12 + 4)  # those that say declined twice: as of when is noted, or not
    lists_told_apart = len(LISTS) if thoroughly else len(listed)
    assert count == of_words * 4 * lists_told_apart * 3 * 4 * 3 * 2
    unused = {line.text for line in (*worths, *table)} - used
    assert not unused, "no combination is decided by these lines"


# -- rules.txt


@pytest.mark.parametrize("line", lines("rules.txt"))
def test_every_rule_is_decided_as_the_table_of_rules_says(line: str) -> None:
    """T5, T6, T10, T11."""
    person, asked, answer = line.split("|")
    titles, amount, cadence, total, joined = person.split()
    membership = MembershipFacts(
        campaign_id="ours",
        fetched_at=NOW,
        patron_status=None if titles in ("Free", "-") and amount == "0" else "active_patron",
        last_charge_status="Paid",
        last_charge_date=NOW - timedelta(days=12),
        next_charge_date=NOW + timedelta(days=18),
        currently_entitled_amount_cents=int(amount),
        campaign_lifetime_support_cents=int(total),
        pledge_cadence=number(cadence),
        pledge_relationship_start=ago(joined),
        tiers=tiers(titles),
    )
    assert ask(membership, rule(asked)) == plain(answer)


# -- standings.txt


class Answer(NamedTuple):
    """A line of the table: the words for a person, and the rules that are answered alike."""

    person: dict[str, str]
    said: str
    rules: list[str]
    line: str


def read_standings() -> list[Answer]:
    """Read the table; whatever a group does not name is as it is for the first person."""
    answers: list[Answer] = []
    names: list[str] = []
    usual: dict[str, str] = {}
    person: dict[str, str] = {}
    for line in lines("standings.txt"):
        words, *rest = line.split("|")
        if line.startswith("="):
            names = line.split()[1:]
            continue
        if words.strip():
            person = {**usual, **dict(zip(names, words.split(), strict=True))}
            usual = usual or person
            assert person.keys() == usual.keys(), line
        if rest:
            answer, rules = rest
            each = [plain(text) for text in rules.split(";")]
            answers.append(Answer(person, plain(answer), each, plain(line)))
    return answers


STANDINGS = read_standings()
KINDS = {"any", "tier", "at_least", "cents", "lifetime", "since"}


@pytest.mark.parametrize("asked", STANDINGS, ids=lambda asked: asked.line)
def test_every_standing_is_decided_as_the_table_of_standings_says(asked: Answer) -> None:
    """T5 to T12."""
    membership = standing(asked.person)
    for each in asked.rules:
        assert ask(membership, rule(each)) == asked.said, (each, asked.person)


def test_the_table_of_standings_asks_each_kind_of_rule_of_each_standing() -> None:
    told: dict[str, set[str]] = {}
    for asked in STANDINGS:
        told.setdefault(asked.said.split()[1], set()).update(e.split()[0] for e in asked.rules)
    opening = (
        "paid pending uncharged trial gift cancelled declined_grace blank_grace still_entitled"
    )
    closed = "declined blank refunded fraud charge_failed former never too_old"
    assert {reason for reason, kinds in told.items() if kinds >= KINDS} >= {
        *opening.split(),
        *closed.split(),
    }
    shortfalls = "unknown_tier other_tier higher_tier more_a_month more_support joined_later"
    assert told.keys() >= {"free_tier", *shortfalls.split()}
