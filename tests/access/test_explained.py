"""`explain` tells what `decide` decides, of everybody and about every rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from django_patreon.access import Patron, Rule
from django_patreon.access.view_as import VIEW_AS
from django_patreon.entitlement import Reason
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.sandbox.ids import FOREIGN, GOLD, HOME, SILVER
from tests.dance import Dance

User = get_user_model()
SLUGS = ["gold", "bronze", "free", "former", "declined", "blank", "gifted", "trial", "custom"]
SLUGS += ["cancelled", "stranger", "creator", "two-tiers", "foreign-first", "pending"]


def rules() -> list[Rule]:
    row = Tier.objects.filter(patreon_id=SILVER).first()
    rows = [] if row is None else [Rule(at_least=row), Rule(tier=row, campaign=FOREIGN)]
    return [
        *rows,
        Rule(),
        Rule(tier=GOLD),
        Rule(at_least=SILVER),
        Rule(at_least="no such tier"),
        Rule(tier=()),
        Rule(cents=500),
        Rule(lifetime_cents=4000, since=timezone.now() - timedelta(days=60)),
        Rule(campaign=FOREIGN),
        Rule(campaign=FOREIGN, at_least=SILVER),
        Rule(campaign="", cents=1),
    ]


def agree(*people: Patron) -> set[Reason]:
    """Ask everybody about every rule, in both orders, and return the reasons that there were."""
    found = set()
    for person in people:
        for rule in rules():
            first, steps, again = person.decide(rule), person.explain(rule), person.decide(rule)
            assert steps[-1].decision == first == again, (rule, steps)
            assert all(step.decision is None for step in steps[:-1])
            found.add(first.reason)
    return found


def many(user: Any) -> list[Patron]:
    """One person, signed in, deactivated, as staff, and as staff who look as a patron."""
    found = [Patron(user), Patron(User.objects.get(pk=user.pk))]
    for active, staff in ((False, False), (True, True), (False, True)):
        other = User.objects.get(pk=user.pk)
        other.is_active, other.is_staff = active, staff
        found.append(Patron(other))
        for tier in ("", GOLD):
            request: Any = RequestFactory().get("/")
            request.user, request.session = other, {VIEW_AS: tier}
            found.append(Patron(request=request))
    return found


@pytest.mark.parametrize("slug", SLUGS)
def test_whatever_somebody_is_it_agrees(dance: Dance, settings: Any, slug: str) -> None:
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    settings.PATREON = {"CAMPAIGN_ID": HOME}
    dance.sign_in(slug)
    user = dance.user
    seen = agree(*many(user))
    assert {Reason.ANONYMOUS, Reason.STAFF} <= seen
    Grant.objects.give(user, cents=400, until=timezone.now() + timedelta(days=1))
    agree(*many(user))
    Grant.objects.deny(user, campaign=Campaign.objects.filter(patreon_id=FOREIGN).first())
    seen = agree(*many(user))
    settings.PATREON = {"STAFF_BYPASS": False, "COUNT_GIFTED": False}
    assert Reason.STAFF not in agree(*many(user))
    Membership.objects.update(fetched_at=timezone.now() - timedelta(days=30))
    PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
    agree(*many(user))


@pytest.mark.parametrize("nobody", [None, AnonymousUser(), "", "bob", 5])
def test_of_nobody_it_says_that_nobody_is_signed_in(db: None, nobody: Any) -> None:
    person = Patron(nobody)
    assert agree(person) == {Reason.ANONYMOUS}
    (step,) = person.explain(Rule(cents=500))
    assert step.question == "Is somebody signed in?"
    assert (person.has(), person.belongs_to) == ([], [])
    assert not person.knows_of("1")
