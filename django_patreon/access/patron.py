"""Patron: what is known about one user, read from the database once, and asked by many gates."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Never, Unpack

from asgiref.sync import sync_to_async
from django.db import connections
from django.utils.functional import LazyObject, cached_property, empty

from django_patreon.entitlement import (
    Decision,
    Evaluation,
    Facts,
    Reason,
    Requirement,
    Step,
    explain,
)
from django_patreon.models import Campaign
from django_patreon.moments import now

from .current import Write, current_request, explain_async_error, require_user, uncacheable
from .loading import Known, KnownTier, load
from .rules import Rule
from .spelling import Asked
from .view_as import VIEW_AS, is_staff, may_view_as, pretended
from .words import has_in_words, tell_the_operator

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["Patron", "patron_of"]


HELD_FOR = timedelta(minutes=1)
"""How long a `Patron` goes by what it has read: a socket or a stream may keep one for hours."""


class Patron:
    """What one user may see, at one moment. Reads the database when it is first asked, and not
    again until it is told to `forget`: for a request, a message, a task.

    `request.patreon` is one of these.
    """

    def __init__(self, user: Any = None, *, request: HttpRequest | None = None) -> None:
        require_user(user)
        self._given_user = user
        self._request = request
        self._known: tuple[Any, Known] | None = None
        """The user's key and what is known of them, in one value: threads may share a request."""
        self._evaluations: dict[tuple[Known, str | None, bool], Evaluation] = {}
        self._writes: list[Write] = []
        """Writes of this request in transactions that were open when they were made."""
        self.was_asked = False
        """True once a gate was asked: no cache may keep the page then."""
        self.outdated_user: Any = None
        """In a request: the key of a user whose memberships should be looked at, after it."""

    def check(self, *unnamed: Never, **rule: Unpack[Asked]) -> Decision:
        """Say whether they may come in. Arguments are those of `Rule`, by name."""
        return self.decide(Rule(*unnamed, **rule))

    async def acheck(self, *unnamed: Never, **rule: Unpack[Asked]) -> Decision:
        """`check`, in an async view."""
        await self.aload()
        return self.decide(Rule(*unnamed, **rule))

    @property
    def is_patron(self) -> bool:
        """True if the user supports the site's own campaign with any amount."""
        return self.check().allowed

    def is_patron_of(self, campaign: Any) -> bool:
        """Return True if the user supports this campaign, a `Campaign` or its id, with any amount.
        False for None, which does not stand for the site's own campaign here."""
        return self.check(campaign="" if campaign is None else campaign).allowed

    @property
    def belongs_to(self) -> list[str]:
        """Return the ids of our campaigns, without the default one, of which the user is a member
        or the creator, or has a pass or a ban in force."""
        known = self.known
        named = {each.campaign_id for each in known.memberships} | known.own_campaigns
        named |= {each.campaign_id for each in known.grants if each.is_in_force(self._moment)}
        default = known.default_campaign
        return [
            key
            for key, each in known.campaigns.items()
            if each.is_ours and key != default and key in named
        ]

    def mark_asked(self) -> None:
        """Keep the answer to this request out of every cache, since it depends on the reader
        (T25)."""
        self.was_asked = True
        request = self._request
        if request is None:
            request = current_request()
            if request is None:
                return
            patron_of(request).was_asked = True  # of somebody else, such as an API's own user
        # Django's cache stores an answer before our middleware sees it, but reads this attribute
        # last.
        kind: Any = type(request)
        if not hasattr(kind, "_cache_update_cache"):
            request.__class__ = uncacheable(kind)

    @explain_async_error
    def decide(self, rule: Rule) -> Decision:
        """Return the decision for a rule; the last step of `explain` holds the same."""
        self.mark_asked()
        user = self.user
        if not self.is_somebody:
            needs = _asked_of_nobody(rule)
            return Decision(allowed=False, reason=Reason.ANONYMOUS, needs=needs)
        known, works_here = self._known_to(user), is_staff(user)
        decision = None if works_here else known.recall(rule, now=self._moment)
        if decision is not None:
            return decision
        campaign = known.campaign_meant(rule.campaign_id)
        if campaign is None:
            tell_the_operator()
        evaluation = self._evaluation(known, campaign, works_here=works_here)
        decision = evaluation.decide(self._requirement(rule, known, campaign))
        if not works_here:
            known.remember(rule, evaluation.facts, decision)
        return decision

    def requirement(self, rule: Rule) -> Requirement:
        """Return what the rule asks for, in ids and with the prices of its campaign."""
        if not self.is_somebody:
            return _asked_of_nobody(rule)
        known = self.known
        campaign = known.campaign_meant(rule.campaign_id)
        return self._requirement(rule, known, campaign)

    def _requirement(self, rule: Rule, known: Known, campaign: str | None) -> Requirement:
        prices = {} if rule.at_least is None else known.prices_in(campaign)
        return rule.requirement(prices, campaign)

    def _evaluation(self, known: Known, campaign: str | None, *, works_here: bool) -> Evaluation:
        key = known, campaign, works_here
        found = self._evaluations.get(key)
        if found is None:
            facts = self._facts(known, campaign, works_here=works_here)
            found = self._evaluations[key] = Evaluation(facts)
        return found

    @cached_property
    def _moment(self) -> datetime:
        """The time that all gates of a request use, so that they agree on a page."""
        return now()

    def explain(self, rule: Rule) -> tuple[Step, ...]:
        """List the questions asked about this rule. The last step holds what `decide` returns."""
        return explain(self.requirement(rule), self.facts(rule.campaign_id))

    @explain_async_error
    def facts(self, campaign_id: str | None = None, *, bypass: bool = True) -> Facts:
        """Return the facts for a rule about this campaign; None: the site's own campaign.

        For a deactivated user the facts are the same, and the subject is anonymous.
        """
        self.mark_asked()
        user = self.user
        works_here = is_staff(user)
        return self._facts(self._known_to(user), campaign_id, works_here=works_here, bypass=bypass)

    def _facts(
        self, known: Known, campaign_id: str | None, *, works_here: bool, bypass: bool = True
    ) -> Facts:
        campaign_id = known.campaign_meant(campaign_id)
        view_as = self.view_as if bypass and works_here else None
        if view_as is not None:
            return pretended(known, campaign_id, view_as, now=self._moment)
        facts = known.facts(campaign_id, now=self._moment, is_staff=works_here, bypass=bypass)
        if not self.is_somebody:
            return replace(facts, subject=facts.subject._replace(is_anonymous=True))
        return facts

    def has(self, campaign_id: str | None = None) -> list[str]:
        """Return what the user has of a campaign, or of the site's own, in words; the dearest tier
        comes first."""
        known, facts = self.known, self.facts(campaign_id)
        campaign = known.campaigns.get(facts.campaign_id or "")
        return has_in_words(facts, known.tiers, campaign.currency if campaign else "")

    def knows_of(self, campaign_id: str) -> bool:
        """Return True for a campaign of ours, and one that the user is a member of. Most cost no
        query."""
        if campaign_id in self.known.campaigns:
            return True
        ours = Campaign.objects.filter(is_ours=True)
        return campaign_id.isprintable() and ours.filter(patreon_id=campaign_id).exists()

    def tier_by_key(self, key: int) -> KnownTier | None:
        """Return a tier by the primary key of its row; None for a campaign that is neither ours nor
        one of the user's, and None if nobody is signed in."""
        if not self.is_somebody:
            return None
        return self.known.tiers_by_key.get(key)

    @property
    def user(self) -> Any:
        """The user that is asked about; for a request, its current user."""
        request = self._request
        found = self._given_user if request is None else getattr(request, "user", None)
        # Unwrapped from Django's lazy object, since each access through it is slow.
        if isinstance(found, LazyObject):
            inside = found._wrapped
            if inside is empty:
                found._setup()
                inside = found._wrapped
            return inside
        return found

    @property
    def is_somebody(self) -> bool:
        """True for a user who can sign in. A deactivated user cannot, and counts as signed out."""
        user = self.user
        return bool(getattr(user, "is_authenticated", False) and getattr(user, "is_active", True))

    @property
    def known(self) -> Known:
        """What the database says about the user. Of somebody who is not signed in: the campaigns
        and their tiers only."""
        return self._known_to(self.user)

    def _known_to(self, user: Any) -> Known:
        pk, found = getattr(user, "pk", None), self._known
        if found is None or found[0] != pk or self._is_out_of_date():
            self._read_again()
            found = self._known = pk, load(pk)
            if self._request is not None and found[1].must_tell_old(self._moment):
                self.outdated_user = pk
        return found[1]

    def _is_out_of_date(self) -> bool:
        if self._writes:
            self._writes = [each for each in self._writes if not each.is_committed]
            still_open = [each for each in self._writes if not each.is_rolled_back()]
            if len(still_open) < len(self._writes):
                self._writes = still_open
                return True
        return now() - self._moment > HELD_FOR

    async def aload(self) -> None:
        """Read everything now, so that an async view and its templates can use the sync methods."""
        await sync_to_async(self._load)()
        user, request = self.user, self._request
        if request is not None and hasattr(request, "auser"):
            # Django caches the user of `user` and of `auser()` apart; without this it is read
            # twice.
            async def auser() -> Any:
                return user

            request.auser = auser

    def _load(self) -> None:
        if self.is_somebody:
            _ = self.known

    @property
    def view_as(self) -> str | None:
        """The tier that a member of staff pretends to hold, "" for none; None if they do not
        pretend."""
        session = getattr(self._request, "session", None)
        if session is None or not may_view_as(self.user):
            return None
        found = session.get(VIEW_AS)
        return found if isinstance(found, str) else None

    def forget(self, using: str | None = None) -> None:
        """Forget what was read, since something has changed in the database `using`."""
        self._read_again()
        if using is not None and connections[using].in_atomic_block:
            self._writes.append(Write(using))

    def _read_again(self) -> None:
        self._known = None
        self._evaluations.clear()
        self.__dict__.pop("_moment", None)


def patron_of(request: HttpRequest) -> Patron:
    """Return the one `Patron` of a request, Django's own or REST framework's around it."""
    djangos: Any = getattr(request, "_request", request)
    found = djangos.__dict__.get("patreon")
    if not isinstance(found, Patron):
        found = djangos.patreon = Patron(request=djangos)
    return found


def _asked_of_nobody(rule: Rule) -> Requirement:
    """Return the requirement for a visitor who is signed out, without prices, which need a
    query."""
    return rule.requirement({}, rule.campaign_id)
