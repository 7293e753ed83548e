"""The rule against a second, independent one, and against what must hold of any such rule."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from django_patreon.entitlement import (
    Facts,
    GrantFacts,
    MembershipFacts,
    Policy,
    Requirement,
    Subject,
    TierFacts,
    Worth,
    decide,
    explain,
    standings,
    unmet,
)

from .model import CHARGES, allows

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
TIERS = [TierFacts(f"t{n}", cents) for n, cents in enumerate([0, 300, 300, 500, 1000, None])]

moments = st.integers(-24 * 40, 24 * 40).map(lambda hours: NOW + timedelta(hours=hours))
past = st.integers(0, 24 * 20).map(lambda hours: NOW - timedelta(hours=hours))
# Two of one age are what an answer brings that lists one and no longer another.
read = st.just(NOW - timedelta(hours=1)) | past
maybe = st.none() | moments
tier_sets = st.lists(st.sampled_from(TIERS), unique=True, max_size=4).map(tuple)
amounts = st.sampled_from([None, 0, 1, 299, 300, 500, 1000, 3600, 3599, 12000])
cadences = st.sampled_from([None, 0, 1, 12])
cents = st.none() | st.sampled_from([0, 1, 299, 300, 301, 500, 1000, 1001])
statuses = st.sampled_from(
    ["active_patron"] * 3 + ["declined_patron", "former_patron", None, "paused_patron"]
)
charges = st.sampled_from([*CHARGES, "Paid", "Paid", "Chargeback"])
worths = st.builds(
    lambda tiers, amount, cadence: Worth({t.id: t.amount_cents for t in tiers}, amount, cadence),
    tier_sets,
    st.integers(0, 1200),
    cadences,
)
memberships = st.builds(
    MembershipFacts,
    campaign_id=st.sampled_from(["ours", "ours", "theirs"]),
    fetched_at=read,
    patron_status=statuses,
    last_charge_status=charges,
    last_charge_date=maybe,
    next_charge_date=maybe,
    currently_entitled_amount_cents=amounts,
    campaign_lifetime_support_cents=st.sampled_from([None, 0, 300, 5000]),
    pledge_cadence=cadences,
    pledge_relationship_start=maybe,
    is_gifted=st.booleans(),
    is_free_trial=st.booleans(),
    tiers=tier_sets,
    blank_since=st.none() | past,
    remembered=st.none() | worths.filter(lambda worth: worth.pays),
    declined_since=st.none() | past,
)
grants = st.builds(
    GrantFacts,
    tier=st.none() | st.sampled_from(TIERS),
    cents=cents,
    deny=st.integers(0, 9).map(lambda n: n == 0),
    starts_at=maybe,
    until=maybe,
    campaign_id=st.sampled_from([None, "ours", "theirs"]),
)
requirements = st.builds(
    Requirement,
    tiers=st.none() | st.frozensets(st.sampled_from([t.id for t in TIERS]), max_size=2),
    at_least=st.none() | st.sampled_from(TIERS),
    cents=cents,
    lifetime_cents=st.none() | st.sampled_from([0, 300, 4000]),
    since=maybe,
)
rarely = st.integers(0, 9).map(lambda n: n == 0)
subjects = st.builds(
    Subject,
    is_anonymous=rarely,
    is_staff=rarely,
    is_creator=rarely,
    is_linked=rarely.map(lambda x: not x),
    needs_reconnect=rarely,
)
graces = st.sampled_from([timedelta(0), timedelta(days=3), timedelta(days=7)])
policies = st.builds(Policy, declined_grace=graces, blank_grace=graces)
policies |= st.builds(
    Policy,
    count_trial=st.booleans(),
    count_gifted=st.booleans(),
    count_uncharged=st.booleans(),
    staff_bypass=st.booleans(),
)
any_facts = st.builds(
    Facts,
    campaign_id=st.sampled_from(["ours"] * 9 + [None]),
    now=st.just(NOW),
    subject=subjects,
    memberships=st.lists(memberships, max_size=3).map(tuple),
    grants=st.lists(grants, max_size=2).map(tuple),
    policy=policies,
)
# Most questions are about one membership and little else.
plain = st.builds(
    lambda membership, policy: Facts(
        campaign_id="ours",
        now=NOW,
        subject=Subject(is_linked=True),
        memberships=(membership._replace(campaign_id="ours"),),
        policy=policy,
    ),
    memberships,
    policies,
)
simple = st.sampled_from(
    [Requirement(), *(Requirement(tiers=frozenset({t.id})) for t in TIERS)]
    + [Requirement(at_least=t) for t in TIERS]
    + [Requirement(cents=n) for n in (1, 300, 301)]
)
THOROUGHLY = bool(os.environ.get("TEST_THOROUGHLY"))
many = settings(max_examples=1500 if THOROUGHLY else 300, deadline=None)
some = settings(max_examples=400 if THOROUGHLY else 100, deadline=None)


@many
@given(simple | requirements, plain | any_facts)
def test_two_ways_of_deciding_agree(rule: Requirement, facts: Facts) -> None:
    decision = decide(rule, facts)
    assert decision.allowed is allows(rule, facts)
    assert decision.reason.opens is decision.allowed
    assert decision.needs is None if decision.allowed else True
    assert explain(rule, facts)[-1].decision == decision


@some
@given(requirements, any_facts, st.randoms(use_true_random=False))
def test_order_never_matters(rule: Requirement, facts: Facts, random: Any) -> None:
    """T5."""

    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        found = list(items)
        random.shuffle(found)
        return tuple(found)

    other = replace(
        facts,
        memberships=shuffled(
            tuple(each._replace(tiers=shuffled(each.tiers)) for each in facts.memberships)
        ),
        grants=shuffled(facts.grants),
    )
    assert decide(rule, facts) == decide(rule, other)


@many
@given(simple | requirements, plain, st.sampled_from(TIERS), st.integers(0, 2000), st.booleans())
def test_more_entitlement_never_closes_a_gate(
    rule: Requirement, facts: Facts, tier: TierFacts, more: int, longer: bool
) -> None:
    (before,) = facts.memberships
    # What is blank stands for what is remembered: more than blank is more than that.
    before = before._replace(remembered=None, blank_since=None)
    facts = replace(facts, memberships=(before,))
    # To hear that somebody has never given anything, where that was unknown, is no more of it.
    given = before.campaign_lifetime_support_cents
    after = before._replace(
        tiers=(*before.tiers, tier),
        currently_entitled_amount_cents=(before.currently_entitled_amount_cents or 0) + more,
        campaign_lifetime_support_cents=(given or 0) + more if more else given,
    )
    # A date that had passed when Patreon still listed the tier is no period: the list is trusted.
    if longer and (before.next_charge_date or before.fetched_at) > before.fetched_at:
        after = after._replace(next_charge_date=before.next_charge_date + timedelta(days=31))
    if decide(rule, facts).allowed:
        assert decide(rule, replace(facts, memberships=(after,))).allowed


@many
@given(simple | requirements, plain, worths.filter(lambda worth: worth.pays), st.booleans())
def test_listing_again_what_was_listed_before_never_closes_a_gate(
    rule: Requirement, facts: Facts, memory: Worth, with_tiers: bool
) -> None:
    """T12: all of it, or half a blank, the amount without the tiers."""
    (before,) = facts.memberships
    blank = before._replace(
        tiers=(),
        currently_entitled_amount_cents=0,
        pledge_cadence=memory.cadence,
        remembered=memory,
    )
    tiers = tuple(TierFacts(key, price) for key, price in memory.prices.items())
    listed = blank._replace(
        tiers=tiers if with_tiers else (),
        currently_entitled_amount_cents=memory.period_cents,
    )
    calm = blank.patron_status == "active_patron" and blank.last_charge_status != "Declined"
    if decide(rule, replace(facts, memberships=(blank,))).allowed and (with_tiers or calm):
        assert decide(rule, replace(facts, memberships=(listed,))).allowed


@many
@given(simple | requirements, plain, past, st.sampled_from(["Paid", "Pending", "Other", None]))
def test_the_date_of_a_charge_that_has_not_declined_is_nothing_to_a_declined_card(
    rule: Requirement, facts: Facts, charged: datetime, charge: str | None
) -> None:
    (before,) = facts.memberships
    before = before._replace(patron_status="declined_patron", last_charge_status=charge)
    after = before._replace(last_charge_date=charged)
    assert decide(rule, replace(facts, memberships=(before,))) == decide(
        rule, replace(facts, memberships=(after,))
    )


@many
@given(simple | requirements, plain, past, st.integers(0, 24 * 20))
def test_to_have_been_declined_for_longer_never_opens_a_gate(
    rule: Requirement, facts: Facts, since: datetime, hours: int
) -> None:
    (before,) = facts.memberships
    earlier = since - timedelta(hours=hours)
    longer, shorter = (
        replace(facts, memberships=(before._replace(declined_since=each),))
        for each in (earlier, since)
    )
    if decide(rule, longer).allowed:
        assert decide(rule, shorter).allowed


@some
@given(requirements, any_facts, st.sampled_from(TIERS), cents)
def test_a_pass_never_closes_a_gate(
    rule: Requirement, facts: Facts, tier: TierFacts, amount: int | None
) -> None:
    if decide(rule, facts).allowed:
        given_more = (*facts.grants, GrantFacts(tier=tier, cents=amount))
        assert decide(rule, replace(facts, grants=given_more)).allowed


@many
@given(simple | requirements, plain | any_facts, st.integers(1, 24 * 60))
def test_nothing_changes_before_the_moment_named(
    rule: Requirement, facts: Facts, hours: int
) -> None:
    decision = decide(rule, facts)
    later = facts.now + timedelta(hours=hours)
    if decision.until is None or later < decision.until:
        assert decide(rule, replace(facts, now=later)).allowed is decision.allowed


@many
@given(simple | requirements, plain | any_facts, st.integers(-24 * 60, 24 * 60))
def test_what_opens_without_a_pass_stays_what_it_is_until_it_ends(
    rule: Requirement, facts: Facts, hours: int
) -> None:
    facts = replace(facts, grants=())
    decision = decide(rule, facts)
    then = facts.now + timedelta(hours=hours)
    if decision.allowed and (decision.until is None or then < decision.until):
        assert decide(rule, replace(facts, now=then)) == decision


@some
@given(simple | requirements, plain, memberships)
def test_another_membership_never_closes_a_gate(
    rule: Requirement, facts: Facts, other: MembershipFacts
) -> None:
    if decide(rule, facts).allowed:
        assert decide(rule, replace(facts, memberships=(other, *facts.memberships))).allowed


@some
@given(st.lists(requirements | simple, max_size=8), plain | any_facts)
def test_what_a_person_may_show_opens_what_the_rule_opens(
    rules: list[Requirement], facts: Facts
) -> None:
    shown = standings(facts)
    for rule in rules:
        opens = any(unmet(rule, standing) is None for standing in shown)
        assert decide(rule, facts).allowed is opens


@some
@given(requirements, any_facts)
def test_what_is_said_to_be_missing_is_enough_to_ask_for(rule: Requirement, facts: Facts) -> None:
    """Whoever meets `needs` on top of what they have meets no less of the rule."""
    needs = decide(rule, facts).needs
    if needs is not None:
        for name in ("tiers", "at_least", "cents", "lifetime_cents", "since"):
            assert getattr(needs, name) in (None, getattr(rule, name))
