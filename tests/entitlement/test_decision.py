"""What a decision says beside yes or no: details, what is missing, until when, which question."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_patreon.entitlement import (
    Facts,
    GrantFacts,
    Policy,
    Reason,
    Requirement,
    Subject,
    TierFacts,
    explain,
    standings,
)
from django_patreon.entitlement.worth import add_months

from .test_rule import ANY, DAY, GOLD, NEED_GOLD, NOW, PAID, SILVER, ask

FREE = TierFacts("free", 0)
BLANK = PAID._replace(tiers=(), currently_entitled_amount_cents=0)
LINKED = Subject(is_linked=True)


@pytest.mark.parametrize("charge", ["Refunded", "Refunded by Patreon", "Other", "Deleted"])
def test_the_value_that_closed_a_gate_is_its_detail(charge: str) -> None:
    assert ask(ANY, BLANK._replace(last_charge_status=charge)).detail == charge


def test_so_is_the_one_that_speaks_against_what_is_listed_and_one_that_nobody_knows() -> None:
    decision = ask(ANY, PAID._replace(last_charge_status="Fraud"))
    assert (decision.reason, decision.detail) == (Reason.STILL_ENTITLED, "Fraud")
    decision = ask(ANY, PAID._replace(last_charge_status="Chargeback"))
    assert (decision.reason, decision.detail) == (Reason.UNKNOWN_CHARGE, "Chargeback")


@pytest.mark.parametrize(
    "membership",
    [PAID, BLANK._replace(patron_status="former_patron"), BLANK._replace(patron_status=None)],
)
def test_there_is_none_where_no_single_value_decided(membership) -> None:
    assert ask(ANY, membership).detail == ""


def test_what_a_lost_connection_has_brought_counts_until_it_is_too_old() -> None:
    lost = Subject(is_linked=True, needs_reconnect=True)
    assert ask(ANY, PAID, subject=lost).reason is Reason.PAID
    assert ask(NEED_GOLD, PAID, subject=lost).reason is Reason.NEEDS_RECONNECT
    old = PAID._replace(fetched_at=NOW - 14 * DAY)
    assert ask(ANY, old, subject=lost).reason is Reason.NEEDS_RECONNECT


def test_closed_is_false_and_says_what_is_missing() -> None:
    anonymous = ask(NEED_GOLD, subject=Subject(is_anonymous=True))
    assert (anonymous.allowed, anonymous.needs) == (False, NEED_GOLD)
    denied = ask(ANY, PAID, grants=(GrantFacts(deny=True),))
    assert (denied.allowed, denied.needs) == (False, None)


def test_of_a_rule_that_names_a_free_tier_only_the_rest_is_missing() -> None:
    free = BLANK._replace(tiers=(FREE,), patron_status=None)
    rule = Requirement(tiers=frozenset({"free"}), cents=300)
    decision = ask(rule, free)
    assert (decision.reason, decision.needs) == (Reason.NEVER, Requirement(cents=300))


def test_what_is_missing_is_measured_by_the_best_membership() -> None:
    less = PAID._replace(currently_entitled_amount_cents=300, tiers=(TierFacts("bronze", 300),))
    rule = Requirement(cents=500, since=NOW)
    for pair in ((less, PAID), (PAID, less)):
        assert ask(rule, *pair).needs == Requirement(since=NOW)


def test_the_question_that_decided_is_named() -> None:
    def last(*memberships) -> str:
        facts = Facts(campaign_id="ours", now=NOW, subject=LINKED, memberships=memberships)
        return explain(NEED_GOLD, facts)[-1].question

    assert last() == "Are they a member of this campaign?"
    assert last(PAID._replace(fetched_at=NOW - 14 * DAY)) == "Is what we know new enough?"
    assert last(BLANK._replace(patron_status=None)) == "Is the membership in good standing?"
    assert last(PAID) == "Is it enough for this rule?"


class TestUntil:
    def test_a_pass_that_is_in_force_and_not_enough_opens_nothing_later(self) -> None:
        grant = GrantFacts(tier=SILVER, starts_at=NOW - DAY)
        assert ask(NEED_GOLD, grants=(grant,)).until is None

    def test_nor_does_one_that_ends_before_it_begins(self) -> None:
        never = GrantFacts(tier=GOLD, starts_at=NOW + DAY, until=NOW + DAY)
        assert ask(NEED_GOLD, grants=(never,)).until is None

    def test_a_ban_that_is_over_ends_nothing(self) -> None:
        over = GrantFacts(deny=True, starts_at=NOW - 2 * DAY, until=NOW - DAY)
        assert ask(ANY, PAID, grants=(over,)).until == PAID.fetched_at + 14 * DAY

    def test_what_lasts_for_ever_is_chosen_before_what_ends(self) -> None:
        ends, lasts = GrantFacts(tier=GOLD, until=NOW + DAY), GrantFacts(tier=GOLD)
        for grants in ((ends, lasts), (lasts, ends)):
            assert ask(NEED_GOLD, grants=grants).until is None

    def test_a_free_tier_opens_until_the_facts_are_too_old(self) -> None:
        free = BLANK._replace(tiers=(FREE,), patron_status=None)
        decision = ask(Requirement(tiers=frozenset({"free"})), free)
        assert decision.until == free.fetched_at + 14 * DAY

    @pytest.mark.parametrize("fetched_at", [NOW, NOW - DAY])
    def test_a_cancelled_pledge_that_was_listed_at_its_end_is_believed(self, fetched_at) -> None:
        kept = PAID._replace(patron_status="former_patron", fetched_at=fetched_at)
        decision = ask(ANY, kept._replace(next_charge_date=fetched_at))
        assert (decision.reason, decision.until) == (Reason.CANCELLED, fetched_at + 14 * DAY)


def test_what_does_not_count_keeps_the_reason_for_which_it_is_closed_anyway() -> None:
    gift = BLANK._replace(is_gifted=True, last_charge_status="Refunded")
    assert ask(ANY, gift, policy=Policy(count_gifted=False)).reason is Reason.REFUNDED


def test_a_pass_without_a_price_is_no_support() -> None:
    unpriced = GrantFacts(tier=TierFacts("new", None))
    assert ask(Requirement(tiers=frozenset({"new"})), grants=(unpriced,)).allowed
    assert not ask(ANY, grants=(unpriced,)).allowed
    assert not ask(Requirement(at_least=TierFacts("x", 1)), grants=(unpriced,)).allowed


def test_standings_are_those_that_decide() -> None:
    def shown(subject: Subject, **others) -> list[Reason]:
        facts = Facts(campaign_id="ours", now=NOW, subject=subject, memberships=(PAID,), **others)
        return [each.reason for each in standings(facts)]

    assert shown(Subject(is_anonymous=True, is_linked=True)) == []
    assert shown(Subject()) == []
    assert shown(LINKED) == [Reason.PAID]
    assert shown(LINKED, grants=(GrantFacts(cents=1),)) == [Reason.GRANTED, Reason.PAID]
    assert shown(LINKED, grants=(GrantFacts(deny=True),)) == []
    assert shown(Subject(is_staff=True)) == [Reason.STAFF]


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 3, 31), 1, (2026, 4, 30)),
        ((2026, 12, 15), 1, (2027, 1, 15)),
        ((2028, 2, 29), 12, (2029, 2, 28)),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last(start, months: int, end) -> None:
    assert add_months(datetime(*start, tzinfo=UTC), months) == datetime(*end, tzinfo=UTC)
