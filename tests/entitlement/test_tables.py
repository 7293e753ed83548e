"""The rule against what an operator can read: `memberships.txt` and `rules.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from django_patreon.entitlement import (
    Case,
    Decision,
    MembershipFacts,
    Requirement,
    Subject,
    TierFacts,
    Worth,
    decide,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SIGNED_IN = Subject(is_linked=True)
TIERS = {
    name: TierFacts(f"9100{name}", cents)
    for name, cents in {
        "Free": 0,
        "Bronze": 300,
        "Silver": 500,
        "Gold": 1000,
        "Unpriced": None,
    }.items()
}

# -- memberships.txt

STATUSES = {
    "active": "active_patron",
    "declined": "declined_patron",
    "former": "former_patron",
    "-": None,
    "NEW": "paused_patron",
}
CHARGES = {
    **{word: word for word in ("Paid", "Pending", "Declined", "Deleted", "Fraud", "Other")},
    "Free_Trial": "Free Trial",
    "-": None,
    "NEW": "Chargeback",
}
BACK = ("Refunded", "Refunded by Patreon", "Partially Refunded")
TITLES: tuple[tuple[str, ...], ...] = ((), ("Free",), ("Free", "Bronze"), ("Gold",), ("Unpriced",))
LISTS = [
    ("paid" if amount or {"Bronze", "Gold"} & {*titles} else "none", (titles, amount, cadence))
    for titles, amount, cadence in product(TITLES, (None, 0, 3600), (None, 1, 12))
]
CHARGED = {"2d": timedelta(days=2), "10d": timedelta(days=10), "-": None}
FETCHED = {"new": timedelta(hours=1), "old": timedelta(days=14, seconds=1)}
PERIODS = {
    "ahead": timedelta(days=5),
    "over": timedelta(minutes=-10),
    "past": timedelta(days=-20),
    "-": None,
}
BEFORE = {"1d": timedelta(days=1), "5d": timedelta(days=5), "-": None}


def lines(name: str) -> list[str]:
    found = (line.strip() for line in (HERE / name).read_text().splitlines())
    return [line for line in found if line and not line.startswith("#")]


def combinations() -> Iterator[tuple[tuple[str, ...], MembershipFacts]]:
    """Every combination as its words in the table, and as facts."""
    charges = [*CHARGES.items(), *(("back", word) for word in BACK)]
    flags = [("no", False), ("yes", True)]
    columns = (STATUSES.items(), charges, flags, flags, LISTS, CHARGED.items())
    for status, charge, gift, trial, lists, charged, period, before, age in product(
        *columns, PERIODS.items(), BEFORE.items(), FETCHED.items()
    ):
        tiers, amount, cadence = lists[1]
        fetched_at = NOW - age[1]
        yield (
            (status[0], charge[0], gift[0], trial[0])
            + (lists[0], charged[0], period[0], before[0], age[0]),
            MembershipFacts(
                campaign_id="ours",
                fetched_at=fetched_at,
                patron_status=status[1],
                last_charge_status=charge[1],
                last_charge_date=None if charged[1] is None else NOW - charged[1],
                next_charge_date=None if period[1] is None else NOW + period[1],
                currently_entitled_amount_cents=amount,
                pledge_cadence=cadence,
                is_gifted=gift[1],
                is_free_trial=trial[1],
                tiers=tuple(TIERS[name] for name in tiers),
                blank_since=None if before[1] is None else NOW - before[1],
                remembered=None if before[1] is None else Worth({"9100Silver": 500}, 500, 1),
            ),
        )


def ask(membership: MembershipFacts, requirement: Requirement) -> Decision:
    case = Case(campaign_id="ours", now=NOW, subject=SIGNED_IN, memberships=(membership,))
    return decide(requirement, case)


def said(decision: Decision) -> str:
    return f"{'yes' if decision.allowed else 'no'} {decision.reason}"


def test_every_combination_is_decided_as_the_table_of_memberships_says() -> None:
    """T6, T7, T8, T9, T12."""
    table = []
    for line in lines("memberships.txt"):
        pattern, _, answer = line.partition("|")
        cells = [None if cell == "*" else set(cell.split("/")) for cell in pattern.split()]
        assert len(cells) == 9, line
        table.append((cells, " ".join(answer.split()), line))
    unused = {line for _, _, line in table}
    answers: dict[tuple[str, ...], tuple[str, str]] = {}
    count = 0
    for words, membership in combinations():
        if words not in answers:
            answers[words] = next(
                (answer, line)
                for cells, answer, line in table
                if all(c is None or w in c for c, w in zip(cells, words, strict=True))
            )
        answer, line = answers[words]
        unused.discard(line)
        assert said(ask(membership, Requirement())) == answer, (line, membership)
        count += 1
    assert count == 5 * 12 * 4 * 45 * 3 * 4 * 3 * 2
    assert not unused, "no combination is decided by these lines"


def read_rule(text: str) -> Requirement:
    words = text.split()
    if words == ["any"]:
        return Requirement()
    asked: dict[str, object] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "tier":
            known = (TIERS.get(each) for each in value.split(","))
            asked["tiers"] = frozenset(each.id for each in known if each)
        elif name == "at_least":
            asked[name] = TIERS[value]
        elif name == "since":
            asked[name] = NOW - timedelta(days=int(value))
        else:
            asked[{"cents": "cents", "lifetime": "lifetime_cents"}[name]] = int(value)
    return Requirement(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", lines("rules.txt"))
def test_every_rule_is_decided_as_the_table_of_rules_says(line: str) -> None:
    """T5, T6, T10, T11."""
    person, rule, answer = line.split("|")
    tiers, amount, cadence, total, days = person.split()
    membership = MembershipFacts(
        campaign_id="ours",
        fetched_at=NOW,
        patron_status=None if tiers in ("Free", "-") and amount == "0" else "active_patron",
        last_charge_status="Paid",
        last_charge_date=NOW - timedelta(days=12),
        next_charge_date=NOW + timedelta(days=18),
        currently_entitled_amount_cents=int(amount),
        campaign_lifetime_support_cents=int(total),
        pledge_cadence=None if cadence == "-" else int(cadence),
        pledge_relationship_start=None if days == "-" else NOW - timedelta(days=int(days)),
        tiers=tuple(TIERS[name] for name in tiers.split(",") if name != "-"),
    )
    assert said(ask(membership, read_rule(rule))) == " ".join(answer.split())
