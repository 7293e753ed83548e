"""What the tables do not say: the order of the questions, grants, policy, half a blank."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from django_patreon.entitlement import (
    Decision,
    Facts,
    GrantFacts,
    MembershipFacts,
    Policy,
    Reason,
    Requirement,
    Subject,
    TierFacts,
    Worth,
    decide,
    explain,
)

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SILVER, GOLD = TierFacts("silver", 500), TierFacts("gold", 1000)
PAID = MembershipFacts(
    campaign_id="ours",
    fetched_at=NOW - DAY,
    patron_status="active_patron",
    last_charge_status="Paid",
    currently_entitled_amount_cents=500,
    pledge_cadence=1,
    tiers=(SILVER,),
)
ANY, NEED_GOLD = Requirement(), Requirement(tiers=frozenset({"gold"}))


def ask(
    rule: Requirement = ANY,
    *memberships: MembershipFacts,
    subject: Subject = Subject(is_linked=True),  # noqa: B008  (frozen)
    grants: tuple[GrantFacts, ...] = (),
    policy: Policy = Policy(),  # noqa: B008
    campaign_id: str | None = "ours",
) -> Decision:
    facts = Facts(
        campaign_id=campaign_id,
        now=NOW,
        subject=subject,
        memberships=memberships,
        grants=grants,
        policy=policy,
    )
    return decide(rule, facts)


def test_each_question_comes_before_the_next() -> None:
    everything = Facts(
        campaign_id="ours",
        now=NOW,
        subject=Subject(is_anonymous=True, is_staff=True, is_creator=True, needs_reconnect=True),
        memberships=(PAID._replace(fetched_at=NOW - 15 * DAY, patron_status="former_patron"),),
        grants=(GrantFacts(deny=True), GrantFacts(tier=GOLD)),
    )
    subject = everything.subject
    fresh = (PAID._replace(patron_status="former_patron", tiers=()),)
    blank = fresh[0]._replace(currently_entitled_amount_cents=0, last_charge_status="Other")
    steps = [
        (Reason.ANONYMOUS, {}),
        (Reason.DENIED, {"subject": (subject := subject._replace(is_anonymous=False))}),
        (Reason.GRANTED, {"grants": (GrantFacts(tier=GOLD),)}),
        (Reason.STAFF, {"grants": ()}),
        (Reason.CREATOR, {"subject": (subject := subject._replace(is_staff=False))}),
        (
            Reason.UNKNOWN_CAMPAIGN,
            {"subject": (subject := subject._replace(is_creator=False)), "campaign_id": None},
        ),
        (Reason.NOT_LINKED, {"campaign_id": "ours"}),
        (Reason.NEEDS_RECONNECT, {"subject": (subject := subject._replace(is_linked=True))}),
        (
            Reason.NO_MEMBERSHIP,
            {"subject": subject._replace(needs_reconnect=False), "memberships": ()},
        ),
        (Reason.TOO_OLD, {"memberships": everything.memberships}),
        (Reason.FORMER, {"memberships": (blank,)}),
        (Reason.OTHER_TIER, {"memberships": (PAID,)}),
        (Reason.PAID, {"memberships": (PAID._replace(tiers=(GOLD,)),)}),
    ]
    facts = everything
    for reason, change in steps:
        facts = replace(facts, **change)  # type: ignore[arg-type]
        assert decide(NEED_GOLD, facts).reason is reason
        assert explain(NEED_GOLD, facts)[-1].decision == decide(NEED_GOLD, facts)
    assert len(explain(NEED_GOLD, facts)) == 11


def test_another_creators_membership_opens_nothing() -> None:
    """T4: also when it is listed first, is newer, and is worth more."""
    theirs = PAID._replace(campaign_id="theirs", tiers=(GOLD,), fetched_at=NOW)
    assert ask(ANY, theirs).reason is Reason.NO_MEMBERSHIP
    assert ask(NEED_GOLD, theirs, PAID).reason is Reason.OTHER_TIER
    assert ask(ANY, theirs, PAID).reason is Reason.PAID


def test_what_a_site_does_not_count_opens_no_tier_without_a_price_either() -> None:
    gift = PAID._replace(
        tiers=(TierFacts("new", None),),
        currently_entitled_amount_cents=0,
        last_charge_status=None,
        is_gifted=True,
    )
    asked = Requirement(tiers=frozenset({"new"}))
    assert ask(asked, gift).reason is Reason.GIFT
    assert not ask(asked, gift, policy=Policy(count_gifted=False)).allowed


class TestTwoMembershipsOfOneCampaign:
    """Who has left and joined again has two."""

    gone = PAID._replace(patron_status="former_patron", tiers=(), fetched_at=NOW)
    gone = gone._replace(currently_entitled_amount_cents=0, last_charge_date=None)

    def test_news_of_the_old_one_says_nothing_of_the_other(self) -> None:
        assert ask(ANY, self.gone).reason is Reason.FORMER
        for pair in ((self.gone, PAID), (PAID, self.gone)):
            assert ask(ANY, *pair).reason is Reason.PAID

    def test_where_neither_opens_the_newest_says_why(self) -> None:
        refunded = self.gone._replace(
            patron_status="active_patron", last_charge_status="Refunded", fetched_at=NOW - DAY
        )
        for pair in ((self.gone, refunded), (refunded, self.gone)):
            assert ask(ANY, *pair).reason is Reason.FORMER


def test_words_that_nobody_knows_are_handed_on_for_the_log() -> None:
    decision = ask(ANY, PAID._replace(patron_status="paused_patron"))
    assert (decision.allowed, decision.detail) == (False, "paused_patron")


class TestHalfABlank:
    """T12: the tiers have gone though as much is paid as before."""

    half = PAID._replace(
        tiers=(),
        currently_entitled_amount_cents=1000,
        remembered=Worth({"gold": 1000}, 1000, 1),
        blank_since=NOW - DAY,
    )

    def test_keeps_the_tiers_for_a_while(self) -> None:
        decision = ask(NEED_GOLD, self.half)
        assert (decision.reason, decision.until) == (Reason.BLANK_GRACE, NOW + 2 * DAY)
        assert ask(ANY, self.half).reason is Reason.PAID

    def test_ends(self) -> None:
        late = self.half._replace(blank_since=NOW - 3 * DAY)
        assert ask(NEED_GOLD, late).reason is Reason.OTHER_TIER

    def test_is_not_a_smaller_pledge(self) -> None:
        smaller = self.half._replace(currently_entitled_amount_cents=999)
        assert ask(NEED_GOLD, smaller).reason is Reason.OTHER_TIER

    def test_is_not_a_change_of_tier(self) -> None:
        changed = self.half._replace(tiers=(SILVER,))
        assert ask(NEED_GOLD, changed).reason is Reason.OTHER_TIER

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"last_charge_status": "Pending"}, Reason.PENDING),
            ({"last_charge_status": None}, Reason.UNCHARGED),
            ({"is_free_trial": True}, Reason.TRIAL),
            ({"is_gifted": True}, Reason.GIFT),
        ],
    )
    def test_is_the_same_whatever_the_charge(self, change, reason: Reason) -> None:
        half = self.half._replace(**change)
        assert ask(NEED_GOLD, half).reason is Reason.BLANK_GRACE
        assert ask(ANY, half).reason is reason

    def test_is_not_a_declined_card(self) -> None:
        declined = self.half._replace(last_charge_status="Declined", last_charge_date=NOW)
        assert ask(NEED_GOLD, declined).reason is Reason.OTHER_TIER


class TestTheFirstOfTheMonth:
    """T12, and trap 25: Patreon blanks everybody when the charge is due (seen in 2021 and 2022)."""

    blank = PAID._replace(
        tiers=(),
        currently_entitled_amount_cents=0,
        last_charge_date=NOW - 30 * DAY,
        remembered=Worth({"gold": 1000}, 1000, 1),
        blank_since=NOW - DAY,
    )

    @pytest.mark.parametrize(
        "change",
        [
            {"next_charge_date": NOW - timedelta(minutes=1)},
            {"next_charge_date": None, "last_charge_date": NOW - 40 * DAY},
            {"last_charge_status": "Pending", "next_charge_date": NOW + 30 * DAY},
            {"last_charge_status": "Free Trial", "next_charge_date": NOW - DAY},
            {"last_charge_status": None},
            {"last_charge_status": None, "is_gifted": True},
        ],
    )
    def test_nobody_is_locked_out_at_once(self, change) -> None:
        blank = self.blank._replace(**change)
        decision = ask(NEED_GOLD, blank)
        assert (decision.reason, decision.until) == (Reason.BLANK_GRACE, NOW + 2 * DAY)
        late = blank._replace(blank_since=NOW - 3 * DAY)
        assert ask(NEED_GOLD, late).reason is Reason.BLANK

    def test_of_whom_we_know_nothing_only_who_has_paid(self) -> None:
        unknown = self.blank._replace(remembered=None, blank_since=None)
        assert ask(ANY, unknown._replace(next_charge_date=NOW + DAY)).allowed
        assert not ask(ANY, unknown._replace(next_charge_date=NOW)).allowed
        pending = unknown._replace(last_charge_status="Pending", next_charge_date=NOW + DAY)
        assert not ask(ANY, pending).allowed


def test_a_blank_keeps_the_very_tiers_that_were_there() -> None:
    """T12."""
    blank = PAID._replace(
        tiers=(),
        currently_entitled_amount_cents=0,
        remembered=Worth({"gold": 1000}, 0, None),
        blank_since=NOW - DAY,
    )
    assert ask(NEED_GOLD, blank).reason is Reason.BLANK_GRACE
    assert ask(Requirement(cents=1000), blank).allowed
    assert not ask(Requirement(tiers=frozenset({"silver"})), blank).allowed


def test_a_blank_of_which_nothing_is_known_ends_with_what_was_paid_for() -> None:
    blank = PAID._replace(
        tiers=(), currently_entitled_amount_cents=0, next_charge_date=NOW + DAY / 2
    )
    assert ask(ANY, blank).reason is Reason.BLANK_GRACE
    assert ask(ANY, blank).until == NOW + DAY / 2


def test_graces_are_the_sites_to_choose() -> None:
    """T7, T12."""
    declined = PAID._replace(
        patron_status="declined_patron",
        last_charge_status="Declined",
        last_charge_date=NOW - 10 * DAY,
    )
    assert ask(ANY, declined).reason is Reason.DECLINED
    longer = ask(ANY, declined, policy=Policy(declined_grace=11 * DAY))
    assert (longer.reason, longer.until) == (Reason.DECLINED_GRACE, NOW + DAY)
    for_ever = Policy(declined_grace=timedelta.max, max_age=timedelta.max)
    assert ask(ANY, declined, policy=for_ever).until is None


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        ({"is_gifted": True}, "count_gifted", Reason.GIFT_NOT_COUNTED),
        ({"is_free_trial": True}, "count_trial", Reason.TRIAL_NOT_COUNTED),
        ({"last_charge_status": "Free Trial"}, "count_trial", Reason.TRIAL_NOT_COUNTED),
        ({"last_charge_status": None}, "count_uncharged", Reason.UNCHARGED_NOT_COUNTED),
    ],
)
def test_what_counts_is_the_sites_to_choose(change, name: str, reason: Reason) -> None:
    """T9."""
    member = PAID._replace(**change)
    assert ask(ANY, member).allowed
    assert ask(ANY, member, policy=Policy(**{name: False})).reason is reason
    assert ask(ANY, PAID, policy=Policy(**{name: False})).allowed


def test_staff_and_creators_may_be_asked_to_queue_like_everybody() -> None:
    for subject in (Subject(is_staff=True), Subject(is_creator=True)):
        assert ask(subject=subject).allowed
        assert not ask(subject=subject, policy=Policy(staff_bypass=False)).allowed


class TestGrants:
    nobody = Subject()

    def test_a_pass_opens_what_its_tier_or_amount_would(self) -> None:
        for grant, rule, opens in [
            (GrantFacts(tier=GOLD), NEED_GOLD, True),
            (GrantFacts(tier=GOLD), Requirement(at_least=SILVER), True),
            (GrantFacts(tier=SILVER), Requirement(at_least=GOLD), False),
            (GrantFacts(tier=SILVER, cents=1000), Requirement(at_least=GOLD), True),
            (GrantFacts(cents=1), ANY, True),
            (GrantFacts(), ANY, False),
            (GrantFacts(tier=GOLD), Requirement(lifetime_cents=0), False),
            (GrantFacts(tier=GOLD), Requirement(since=NOW), False),
            (GrantFacts(tier=GOLD, campaign_id="theirs"), ANY, False),
        ]:
            assert ask(rule, subject=self.nobody, grants=(grant,)).allowed is opens

    def test_a_pass_has_a_beginning_and_an_end(self) -> None:
        grant = GrantFacts(cents=500, starts_at=NOW + DAY, until=NOW + 2 * DAY)
        early = ask(subject=self.nobody, grants=(grant,))
        assert (early.allowed, early.until) == (False, NOW + DAY)
        begun = ask(subject=self.nobody, grants=(replace(grant, starts_at=NOW),))
        assert (begun.reason, begun.until) == (Reason.GRANTED, NOW + 2 * DAY)
        assert not ask(subject=self.nobody, grants=(GrantFacts(cents=5, until=NOW),)).allowed

    def test_the_most_lasting_pass_is_named(self) -> None:
        short, long = (GrantFacts(cents=5, until=NOW + n * DAY) for n in (1, 2))
        for order in [(short, long), (long, short)]:
            assert ask(grants=order).until == NOW + 2 * DAY

    def test_a_ban_is_stronger_than_everything(self) -> None:
        ban = GrantFacts(deny=True, until=NOW + DAY)
        staff = Subject(is_staff=True, is_linked=True)
        decision = ask(ANY, PAID, subject=staff, grants=(ban, GrantFacts(tier=GOLD)))
        assert (decision.reason, decision.until, decision.needs) == (
            Reason.DENIED,
            NOW + DAY,
            None,
        )
        assert ask(grants=(ban, GrantFacts(deny=True))).until is None

    def test_a_ban_that_is_still_to_come_ends_what_is_open(self) -> None:
        ban = GrantFacts(deny=True, starts_at=NOW + DAY)
        assert ask(ANY, PAID, grants=(ban,)).until == NOW + DAY


def test_what_is_missing_is_named() -> None:
    rule = Requirement(tiers=frozenset({"gold"}), cents=300)
    assert ask(rule, PAID).needs == NEED_GOLD
    assert ask(rule, subject=Subject()).needs == rule


def test_an_enormous_calendar_harms_nobody() -> None:
    late = PAID._replace(last_charge_date=datetime(9999, 12, 31, tzinfo=UTC), next_charge_date=None)
    assert ask(ANY, late._replace(patron_status="former_patron")).allowed


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Facts(campaign_id="ours", now=datetime(2026, 3, 31), subject=Subject())


def test_a_decision_is_true_when_it_lets_in() -> None:
    assert ask(ANY, PAID)
    assert not ask(NEED_GOLD, PAID)


@pytest.mark.parametrize("charge", ["Refund Pending", "Refund Declined"])
@pytest.mark.parametrize("status", ["active_patron", "declined_patron", "former_patron", None])
@pytest.mark.parametrize("cents", [500, 0])
def test_a_refund_that_has_not_happened_is_still_paid(
    charge: str, status: str | None, cents: int
) -> None:
    paid = PAID._replace(
        patron_status=status, last_charge_status="Paid", currently_entitled_amount_cents=cents
    )
    assert ask(ANY, paid._replace(last_charge_status=charge)) == ask(ANY, paid)
