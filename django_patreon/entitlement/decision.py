"""May this person come in? The first question that has an answer decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .facts import Decision, Facts, GrantFacts, Requirement
from .reasons import Reason
from .requirement import shortfall, unmet
from .standing import MembershipResult, Standing, earlier, evaluate_grant, evaluate_membership

__all__ = ["Evaluation", "Step", "decide", "explain", "standings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of the rule; a `decision` where the answer ended it."""

    question: str
    decision: Decision | None


def decide(requirement: Requirement, facts: Facts) -> Decision:
    """Say whether the person of `facts` meets `requirement`."""
    return Evaluation(facts).decide(requirement)


def explain(requirement: Requirement, facts: Facts) -> tuple[Step, ...]:
    """List the questions asked until one decided; the last step holds what `decide` returns."""
    return tuple(_walk(_RequirementCheck(requirement, Evaluation(facts))))


def standings(facts: Facts) -> tuple[Standing, ...]:
    """List all that the person may show at any gate of this campaign.

    For those who have many gates and one person, such as a filter in the database: `decide`
    allows a requirement exactly when it is not `unmet` by one of these.
    """
    evaluation = Evaluation(facts)
    subject = facts.subject
    if subject.is_anonymous or evaluation.denials:
        return ()
    found = evaluation.passes
    if evaluation.bypass is not None:
        found += (Standing(reason=evaluation.bypass, everything=True),)
    if facts.campaign_id and subject.is_linked:
        found += evaluation.membership.standings
    return found


def _walk(check: _RequirementCheck) -> Iterator[Step]:
    for question, ask in _STEPS:
        decision = ask(check)
        yield Step(question=question, decision=decision)
        if decision is not None:
            return


class Evaluation:
    """What follows from the facts of one person, whatever a gate asks for.

    It is worked out once, and then decides any number of requirements.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.membership = _memberships_result(facts)
        self.grants: list[GrantFacts] = []
        self.denials: list[GrantFacts] = []
        self.passes: tuple[Standing, ...] = ()
        if facts.grants:  # as a rule there are none
            here = (None, facts.campaign_id)
            self.grants = [each for each in facts.grants if each.campaign_id in here]
            in_force = [each for each in self.grants if each.is_in_force(facts.now)]
            self.denials = [each for each in in_force if each.deny]
            self.passes = tuple(evaluate_grant(each) for each in in_force if not each.deny)

    def decide(self, requirement: Requirement) -> Decision:
        """Say whether the person meets `requirement`."""
        check = _RequirementCheck(requirement, self)
        for _, ask in _STEPS:
            found = ask(check)
            if found is not None:
                return found
        raise AssertionError("the last step always decides")

    @property
    def bypass(self) -> Reason | None:
        if not self.facts.policy.staff_bypass:
            return None
        if self.facts.subject.is_staff:
            return Reason.STAFF
        return Reason.CREATOR if self.facts.subject.is_creator else None


def _memberships_result(facts: Facts) -> MembershipResult:
    """Judge the memberships of this campaign (T4): as a rule there is one.

    Who has left and joined again has two, and news of the one says nothing of the other: what each
    is worth counts. Where none opens anything, the newest says why.
    """
    mine = [each for each in facts.memberships if each.campaign_id == facts.campaign_id]
    if len(mine) == 1:
        return evaluate_membership(mine[0], policy=facts.policy, now=facts.now)
    found = [
        (each.fetched_at, evaluate_membership(each, policy=facts.policy, now=facts.now))
        for each in mine
    ]
    if not found:
        return MembershipResult(refusal=Reason.NO_MEMBERSHIP)
    newest = max(when for when, _ in found)
    refused = [(one.refusal, one.detail) for when, one in found if when == newest and one.refusal]
    opens = any(one.refusal is None for _, one in found)
    reason, detail = (None, "") if opens else min(refused)
    return MembershipResult(
        standings=tuple(sorted((s for _, one in found for s in one.standings), key=_in_full)),
        refusal=reason,
        detail=detail,
    )


def _in_full(standing: Standing) -> list[tuple[bool, Any]]:
    """Tell standings apart, so that in whatever order they come the answer is the same."""
    values = (sorted(v) if isinstance(v, frozenset) else v for v in standing)
    return [(value is None, value) for value in values]


def _outlasts(one: Standing, other: Standing) -> bool:
    if one.until is None or other.until is None:
        return other.until is not None
    return one.until > other.until


class _RequirementCheck:
    """One requirement, compared with one evaluation."""

    def __init__(self, requirement: Requirement, evaluation: Evaluation) -> None:
        self.requirement = requirement
        self.evaluation = evaluation
        self.facts = evaluation.facts

    def enough(self, found: Iterable[Standing]) -> Standing | None:
        """Pick what meets the requirement, the most lasting first; None when nothing does."""
        best: Standing | None = None
        for each in found:
            if best is not None and not _outlasts(each, best):
                continue
            if unmet(self.requirement, each) is None:
                best = each
        return best

    def allow(self, standing: Standing) -> Decision:
        """Open, until it ends or until a denial that is already written down begins."""
        denials = [
            e.starts_at for e in self.evaluation.grants if e.deny and e.is_ahead(self.facts.now)
        ]
        return Decision(
            allowed=True,
            reason=standing.reason,
            until=earlier(standing.until, *denials),
            detail=standing.detail,
        )

    def refuse(
        self, reason: Reason, needs: Requirement | None = None, *, detail: str = ""
    ) -> Decision:
        """Stay closed, until a grant that is already written down begins to help."""
        helpful = (
            each.starts_at
            for each in self.evaluation.grants
            if not each.deny
            and each.is_ahead(self.facts.now)
            and unmet(self.requirement, evaluate_grant(each)) is None
        )
        return Decision(
            allowed=False,
            reason=reason,
            until=earlier(*helpful),
            needs=needs or self.requirement,
            detail=detail,
        )


def _anonymous(check: _RequirementCheck) -> Decision | None:
    if not check.facts.subject.is_anonymous:
        return None
    return Decision(allowed=False, reason=Reason.ANONYMOUS, needs=check.requirement)


def _nowhere(check: _RequirementCheck) -> Decision | None:
    return None if check.facts.campaign_id else check.refuse(Reason.UNKNOWN_CAMPAIGN)


def _denied(check: _RequirementCheck) -> Decision | None:
    ends = [each.until for each in check.evaluation.denials]
    if not ends:
        return None
    known = [each for each in ends if each is not None]
    until = max(known) if len(known) == len(ends) else None
    return Decision(allowed=False, reason=Reason.DENIED, until=until)


def _granted(check: _RequirementCheck) -> Decision | None:
    standing = check.enough(check.evaluation.passes)
    return None if standing is None else check.allow(standing)


def _bypassed(check: _RequirementCheck) -> Decision | None:
    reason = check.evaluation.bypass
    if reason is None:
        return None
    return check.allow(Standing(reason=reason, everything=True))


def _unlinked(check: _RequirementCheck) -> Decision | None:
    return None if check.facts.subject.is_linked else check.refuse(Reason.NOT_LINKED)


def _disconnected(check: _RequirementCheck) -> Decision | None:
    """A link that has ended ends nothing that is known: facts count until they are too old. Where
    they open nothing, only a new link could bring newer ones."""
    if not check.facts.subject.needs_reconnect:
        return None
    standing = check.enough(check.evaluation.membership.standings)
    return check.refuse(Reason.NEEDS_RECONNECT) if standing is None else check.allow(standing)


def _not_a_member(check: _RequirementCheck) -> Decision | None:
    none = check.evaluation.membership.refusal is Reason.NO_MEMBERSHIP
    return check.refuse(Reason.NO_MEMBERSHIP) if none else None


def _too_old(check: _RequirementCheck) -> Decision | None:
    old = check.evaluation.membership.refusal is Reason.TOO_OLD
    return check.refuse(Reason.TOO_OLD) if old else None


def _not_in_standing(check: _RequirementCheck) -> Decision | None:
    """Refuse whom the status refuses, unless the rule names what even they have."""
    membership = check.evaluation.membership
    if membership.refusal is None:
        return None
    standing = check.enough(membership.standings)
    if standing is not None:
        return check.allow(standing)
    needs = unmet(check.requirement, membership.standings[0]) if membership.standings else None
    return check.refuse(membership.refusal, needs, detail=membership.detail)


def _falls_short(check: _RequirementCheck) -> Decision:
    """Compare what the membership is worth with what the rule asks for."""
    found = check.evaluation.membership.standings
    standing = check.enough(found)
    if standing is not None:
        return check.allow(standing)
    paying = (each for each in found if each.pays)
    richest = max(paying, key=lambda each: (each.monthly_cents, len(each.tier_ids)))
    needs = unmet(check.requirement, richest) or check.requirement
    return check.refuse(shortfall(needs), needs)


_STEPS: tuple[tuple[str, Callable[[_RequirementCheck], Decision | None]], ...] = (
    ("Is somebody signed in?", _anonymous),
    ("Has this site closed it to them?", _denied),
    ("Have they been given a pass that is enough?", _granted),
    ("Are they staff, or the creator?", _bypassed),
    ("Is it known which campaign this is about?", _nowhere),
    ("Is their account linked to Patreon?", _unlinked),
    ("Does the link still work?", _disconnected),
    ("Are they a member of this campaign?", _not_a_member),
    ("Is what we know new enough?", _too_old),
    ("Is the membership in good standing?", _not_in_standing),
    ("Is it enough for this rule?", _falls_short),
)
