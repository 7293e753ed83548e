"""May this person come in? The questions of the rule, in order; the first answer decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .facts import Decision, Facts, GrantFacts, Requirement
from .membership import MembershipResult, evaluate_membership
from .reasons import Reason
from .requirement import shortfall, unmet
from .standing import Standing, earlier, evaluate_grant

__all__ = ["Evaluation", "Step", "decide", "explain", "standings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of the rule, and the `decision` if its answer decided."""

    question: str
    decision: Decision | None


def decide(requirement: Requirement, facts: Facts) -> Decision:
    """Return whether the person of `facts` meets `requirement`, and why."""
    return Evaluation(facts).decide(requirement)


def explain(requirement: Requirement, facts: Facts) -> tuple[Step, ...]:
    """Return the questions up to the one that decided. The last step has what `decide` returns."""
    steps = Evaluation(facts).steps(requirement)
    return tuple(Step(question=question, decision=decision) for question, decision in steps)


def standings(facts: Facts) -> tuple[Standing, ...]:
    """Return all that could open a gate of this campaign to the person.

    `decide` allows a requirement exactly if it is not `unmet` by one of these. This is for one
    person and many gates, such as a filter in the database.
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


class Evaluation:
    """What follows from the facts of one person, whatever a gate asks for.

    It is worked out once, and then decides any number of requirements.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.membership = _evaluate_memberships(facts)
        self.grants: list[GrantFacts] = []
        self.denials: list[GrantFacts] = []
        self.passes: tuple[Standing, ...] = ()
        if facts.grants:  # most people have none
            here = (None, facts.campaign_id)
            self.grants = [each for each in facts.grants if each.campaign_id in here]
            in_force = [each for each in self.grants if each.is_in_force(facts.now)]
            self.denials = [each for each in in_force if each.deny]
            self.passes = tuple(evaluate_grant(each) for each in in_force if not each.deny)

    def decide(self, requirement: Requirement) -> Decision:
        """Return whether the person meets `requirement`, and why."""
        for _, decision in self.steps(requirement):
            if decision is not None:
                return decision
        raise AssertionError("the last question always decides")

    def steps(self, requirement: Requirement) -> Iterator[tuple[str, Decision | None]]:
        """Ask one question after the other until one decides."""
        check = _RequirementCheck(requirement, self)
        for question, ask in _QUESTIONS:
            decision = ask(check)
            yield question, decision
            if decision is not None:
                return

    @property
    def bypass(self) -> Reason | None:
        """Why the person passes every gate of the campaign; None if they do not."""
        if not self.facts.policy.staff_bypass:
            return None
        if self.facts.subject.is_staff:
            return Reason.STAFF
        return Reason.CREATOR if self.facts.subject.is_creator else None


def _evaluate_memberships(facts: Facts) -> MembershipResult:
    """Evaluate the memberships of this campaign (T4). Most people have one.

    People who left and joined again have two. Each opens what it opens, and does not change the
    other. If none opens anything, the one that was read last gives the reason.
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
        standings=tuple(sorted((s for _, one in found for s in one.standings), key=_sort_key)),
        refusal=reason,
        detail=detail,
    )


def _sort_key(standing: Standing) -> list[tuple[bool, Any]]:
    """Give all standings one order, so that the answer does not depend on the rows' order."""
    values = (sorted(v) if isinstance(v, frozenset) else v for v in standing)
    return [(value is None, value) for value in values]


def _lasts_longer(one: Standing, other: Standing) -> bool:
    if one.until is None or other.until is None:
        return other.until is not None
    return one.until > other.until


class _RequirementCheck:
    """One requirement, compared with one evaluation."""

    def __init__(self, requirement: Requirement, evaluation: Evaluation) -> None:
        self.requirement = requirement
        self.evaluation = evaluation
        self.facts = evaluation.facts

    def best_of(self, found: Iterable[Standing]) -> Standing | None:
        """Return the standing that meets the requirement for longest; None if none meets it."""
        best: Standing | None = None
        for each in found:
            if best is not None and not _lasts_longer(each, best):
                continue
            if unmet(self.requirement, each) is None:
                best = each
        return best

    def allow(self, standing: Standing) -> Decision:
        """Open until the standing ends, or until a ban that is already written down begins."""
        ahead = [
            each.starts_at
            for each in self.evaluation.grants
            if each.deny and each.is_ahead(self.facts.now)
        ]
        return Decision(
            allowed=True,
            reason=standing.reason,
            until=earlier(standing.until, *ahead),
            detail=standing.detail,
        )

    def refuse(
        self, reason: Reason, needs: Requirement | None = None, *, detail: str = ""
    ) -> Decision:
        """Stay closed, until a pass that is already written down begins and is enough."""
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


def _if_anonymous(check: _RequirementCheck) -> Decision | None:
    if not check.facts.subject.is_anonymous:
        return None
    return Decision(allowed=False, reason=Reason.ANONYMOUS, needs=check.requirement)


def _if_banned(check: _RequirementCheck) -> Decision | None:
    ends = [each.until for each in check.evaluation.denials]
    if not ends:
        return None
    known = [each for each in ends if each is not None]
    until = max(known) if len(known) == len(ends) else None
    return Decision(allowed=False, reason=Reason.DENIED, until=until)


def _if_granted(check: _RequirementCheck) -> Decision | None:
    standing = check.best_of(check.evaluation.passes)
    return None if standing is None else check.allow(standing)


def _if_bypassed(check: _RequirementCheck) -> Decision | None:
    reason = check.evaluation.bypass
    if reason is None:
        return None
    return check.allow(Standing(reason=reason, everything=True))


def _if_no_campaign(check: _RequirementCheck) -> Decision | None:
    return None if check.facts.campaign_id else check.refuse(Reason.UNKNOWN_CAMPAIGN)


def _if_not_linked(check: _RequirementCheck) -> Decision | None:
    return None if check.facts.subject.is_linked else check.refuse(Reason.NOT_LINKED)


def _if_disconnected(check: _RequirementCheck) -> Decision | None:
    """Decide for a person whose token Patreon refuses.

    What is known of them counts until it is too old. If it does not open the gate, only a new
    sign-in can bring newer facts, so that is the reason.
    """
    if not check.facts.subject.needs_reconnect:
        return None
    standing = check.best_of(check.evaluation.membership.standings)
    return check.refuse(Reason.NEEDS_RECONNECT) if standing is None else check.allow(standing)


def _if_no_member(check: _RequirementCheck) -> Decision | None:
    none = check.evaluation.membership.refusal is Reason.NO_MEMBERSHIP
    return check.refuse(Reason.NO_MEMBERSHIP) if none else None


def _if_too_old(check: _RequirementCheck) -> Decision | None:
    old = check.evaluation.membership.refusal is Reason.TOO_OLD
    return check.refuse(Reason.TOO_OLD) if old else None


def _if_status_refuses(check: _RequirementCheck) -> Decision | None:
    """Refuse if the status does, unless the rule names a tier that the person still holds."""
    membership = check.evaluation.membership
    if membership.refusal is None:
        return None
    standing = check.best_of(membership.standings)
    if standing is not None:
        return check.allow(standing)
    needs = unmet(check.requirement, membership.standings[0]) if membership.standings else None
    return check.refuse(membership.refusal, needs, detail=membership.detail)


def _compare(check: _RequirementCheck) -> Decision:
    """Compare what the membership is worth with what the rule asks for."""
    found = check.evaluation.membership.standings
    standing = check.best_of(found)
    if standing is not None:
        return check.allow(standing)
    paying = (each for each in found if each.pays)
    richest = max(paying, key=lambda each: (each.monthly_cents, len(each.tier_ids)))
    needs = unmet(check.requirement, richest) or check.requirement
    return check.refuse(shortfall(needs), needs)


_QUESTIONS: tuple[tuple[str, Callable[[_RequirementCheck], Decision | None]], ...] = (
    ("Is somebody signed in?", _if_anonymous),
    ("Has this site closed it to them?", _if_banned),
    ("Have they been given a pass that is enough?", _if_granted),
    ("Are they staff, or the creator?", _if_bypassed),
    ("Is it known which campaign this is about?", _if_no_campaign),
    ("Is their account linked to Patreon?", _if_not_linked),
    ("Does the link still work?", _if_disconnected),
    ("Are they a member of this campaign?", _if_no_member),
    ("Is what we know new enough?", _if_too_old),
    ("Is the membership in good standing?", _if_status_refuses),
    ("Is it enough for this rule?", _compare),
)
