"""May this person come in? The first question that has an answer decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .facts import Case, Decision, GrantFacts, Requirement
from .reasons import Reason
from .requirement import shortfall, unmet
from .standing import Judgement, Standing, earlier, judge, of_grant

__all__ = ["Hearing", "Step", "decide", "explain", "standings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of the rule; a `decision` where the answer ended it."""

    question: str
    decision: Decision | None


def decide(requirement: Requirement, case: Case) -> Decision:
    """Say whether the person of `case` meets `requirement`."""
    return Hearing(case).decide(requirement)


def explain(requirement: Requirement, case: Case) -> tuple[Step, ...]:
    """List the questions asked until one decided; the last step holds what `decide` returns."""
    return tuple(_walk(_Inquiry(requirement, Hearing(case))))


def standings(case: Case) -> tuple[Standing, ...]:
    """List all that the person may show at any gate of this campaign.

    For those who have many gates and one person, such as a filter in the database: `decide`
    allows a requirement exactly when it is not `unmet` by one of these.
    """
    hearing = Hearing(case)
    subject = case.subject
    if subject.is_anonymous or hearing.denials:
        return ()
    found = hearing.passes
    if hearing.bypass is not None:
        found += (Standing(reason=hearing.bypass, everything=True),)
    if case.campaign_id and subject.is_linked:
        found += hearing.judgement.standings
    return found


def _walk(inquiry: _Inquiry) -> Iterator[Step]:
    for question, ask in _STEPS:
        decision = ask(inquiry)
        yield Step(question=question, decision=decision)
        if decision is not None:
            return


class Hearing:
    """One case and what follows from it, whatever is asked for: it decides many requirements at
    the price of one."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.judgement = _judgement(case)
        self.grants: list[GrantFacts] = []
        self.denials: list[GrantFacts] = []
        self.passes: tuple[Standing, ...] = ()
        if case.grants:  # as a rule there are none
            here = (None, case.campaign_id)
            self.grants = [each for each in case.grants if each.campaign_id in here]
            in_force = [each for each in self.grants if each.is_in_force(case.now)]
            self.denials = [each for each in in_force if each.deny]
            self.passes = tuple(of_grant(each) for each in in_force if not each.deny)

    def decide(self, requirement: Requirement) -> Decision:
        """Say whether the person of the case meets `requirement`."""
        inquiry = _Inquiry(requirement, self)
        for _, ask in _STEPS:
            found = ask(inquiry)
            if found is not None:
                return found
        raise AssertionError("the last step always decides")

    @property
    def bypass(self) -> Reason | None:
        if not self.case.policy.staff_bypass:
            return None
        if self.case.subject.is_staff:
            return Reason.STAFF
        return Reason.CREATOR if self.case.subject.is_creator else None


def _judgement(case: Case) -> Judgement:
    """Judge the memberships of this campaign (T4): as a rule there is one.

    Who has left and joined again has two, and news of the one says nothing of the other: what each
    is worth counts. Where none opens anything, the newest says why.
    """
    mine = [each for each in case.memberships if each.campaign_id == case.campaign_id]
    if len(mine) == 1:
        return judge(mine[0], policy=case.policy, now=case.now)
    found = [(each.fetched_at, judge(each, policy=case.policy, now=case.now)) for each in mine]
    if not found:
        return Judgement(refusal=Reason.NO_MEMBERSHIP)
    newest = max(when for when, _ in found)
    refused = [(one.refusal, one.detail) for when, one in found if when == newest and one.refusal]
    opens = any(one.refusal is None for _, one in found)
    reason, detail = (None, "") if opens else min(refused)
    return Judgement(
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


class _Inquiry:
    """One requirement at one hearing."""

    def __init__(self, requirement: Requirement, hearing: Hearing) -> None:
        self.requirement = requirement
        self.hearing = hearing
        self.case = hearing.case

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
        denials = [e.starts_at for e in self.hearing.grants if e.deny and e.is_ahead(self.case.now)]
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
            for each in self.hearing.grants
            if not each.deny
            and each.is_ahead(self.case.now)
            and unmet(self.requirement, of_grant(each)) is None
        )
        return Decision(
            allowed=False,
            reason=reason,
            until=earlier(*helpful),
            needs=needs or self.requirement,
            detail=detail,
        )


def _anonymous(inquiry: _Inquiry) -> Decision | None:
    if not inquiry.case.subject.is_anonymous:
        return None
    return Decision(allowed=False, reason=Reason.ANONYMOUS, needs=inquiry.requirement)


def _nowhere(inquiry: _Inquiry) -> Decision | None:
    return None if inquiry.case.campaign_id else inquiry.refuse(Reason.UNKNOWN_CAMPAIGN)


def _denied(inquiry: _Inquiry) -> Decision | None:
    ends = [each.until for each in inquiry.hearing.denials]
    if not ends:
        return None
    known = [each for each in ends if each is not None]
    until = max(known) if len(known) == len(ends) else None
    return Decision(allowed=False, reason=Reason.DENIED, until=until)


def _granted(inquiry: _Inquiry) -> Decision | None:
    standing = inquiry.enough(inquiry.hearing.passes)
    return None if standing is None else inquiry.allow(standing)


def _bypassed(inquiry: _Inquiry) -> Decision | None:
    reason = inquiry.hearing.bypass
    if reason is None:
        return None
    return inquiry.allow(Standing(reason=reason, everything=True))


def _unlinked(inquiry: _Inquiry) -> Decision | None:
    return None if inquiry.case.subject.is_linked else inquiry.refuse(Reason.NOT_LINKED)


def _disconnected(inquiry: _Inquiry) -> Decision | None:
    """A link that has ended ends nothing that is known: facts count until they are too old. Where
    they open nothing, only a new link could bring newer ones."""
    if not inquiry.case.subject.needs_reconnect:
        return None
    standing = inquiry.enough(inquiry.hearing.judgement.standings)
    return inquiry.refuse(Reason.NEEDS_RECONNECT) if standing is None else inquiry.allow(standing)


def _not_a_member(inquiry: _Inquiry) -> Decision | None:
    none = inquiry.hearing.judgement.refusal is Reason.NO_MEMBERSHIP
    return inquiry.refuse(Reason.NO_MEMBERSHIP) if none else None


def _too_old(inquiry: _Inquiry) -> Decision | None:
    old = inquiry.hearing.judgement.refusal is Reason.TOO_OLD
    return inquiry.refuse(Reason.TOO_OLD) if old else None


def _not_in_standing(inquiry: _Inquiry) -> Decision | None:
    """Refuse whom the status refuses, unless the rule names what even they have."""
    judgement = inquiry.hearing.judgement
    if judgement.refusal is None:
        return None
    standing = inquiry.enough(judgement.standings)
    if standing is not None:
        return inquiry.allow(standing)
    needs = unmet(inquiry.requirement, judgement.standings[0]) if judgement.standings else None
    return inquiry.refuse(judgement.refusal, needs, detail=judgement.detail)


def _falls_short(inquiry: _Inquiry) -> Decision:
    """Compare what the membership is worth with what the rule asks for."""
    found = inquiry.hearing.judgement.standings
    standing = inquiry.enough(found)
    if standing is not None:
        return inquiry.allow(standing)
    paying = (each for each in found if each.pays)
    richest = max(paying, key=lambda each: (each.monthly_cents, len(each.tier_ids)))
    needs = unmet(inquiry.requirement, richest) or inquiry.requirement
    return inquiry.refuse(shortfall(needs), needs)


_STEPS: tuple[tuple[str, Callable[[_Inquiry], Decision | None]], ...] = (
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
