"""`{% load patreon_admin %}`: for pages of the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import template
from django.contrib.auth import get_user_model

from django_patreon import sync
from django_patreon.access import Patron, Rule, sentence
from django_patreon.access.report import facts_in_words, when
from django_patreon.access.rules import declared_rules
from django_patreon.models import PatreonAccount
from django_patreon.operators.figures import Week, overview

if TYPE_CHECKING:
    from django.template import Context

register = template.Library()


@register.inclusion_tag("admin/django_patreon/erased.html")
def patreon_erased(users: Any) -> dict[str, Any]:
    """List the memberships that lose name, e-mail and note when a user, or users, are deleted."""
    some = users if isinstance(users, Iterable) else [users]
    accounts = PatreonAccount.objects.filter(user__in=[each.pk for each in some])
    people = list(accounts.values_list("patreon_id", flat=True))
    return {"memberships": sync.erased_with_accounts(people) if people else []}


@register.inclusion_tag("admin/django_patreon/why.html", takes_context=True)
def patreon_why(context: Context, user: Any) -> dict[str, Any]:
    """Show what is open to a user and why, what that is based on, and what an operator can do.

    For staff who may look at memberships; for others it is empty, and so it is without a user.
    """
    request = context.get("request")
    reader = getattr(request, "user", None)
    may = getattr(reader, "has_perm", lambda _: False)
    if not isinstance(user, get_user_model()) or not may("django_patreon.view_membership"):
        return {}
    patron = Patron(user)
    account = PatreonAccount.objects.filter(user=user.pk).first()
    return {
        "user": user,
        "account": account,
        "rows": [_row(patron, said, rule) for said, rule in _rules(patron)],
        "facts": facts_in_words(user, patron, Rule()),
        "can_give": may("django_patreon.add_grant"),
        "can_ask": account is not None and may("django_patreon.change_patreonaccount"),
    }


def _rules(patron: Patron) -> list[tuple[str, Rule]]:
    """Return any support, each tier of our campaigns, and each gate that names something."""
    tiers = sorted(patron.known.tiers.values(), key=lambda each: each.amount_cents or 0)
    found = [("", Rule())]
    found += [
        (each.title or each.id, Rule(at_least=each.id, campaign=each.campaign_id))
        for each in tiers
        if each.amount_cents
    ]
    return found + [(where, rule) for where, rule in declared_rules()[:20]]


def _row(patron: Patron, said: str, rule: Rule) -> dict[str, Any]:
    steps = patron.explain(rule)
    decision = steps[-1].decision
    assert decision is not None  # noqa: S101  (the last question always has an answer)
    return {
        "said": said,
        "is_open": decision.allowed,
        "sentence": sentence(decision),
        "question": steps[-1].question,
        "until": when(decision.until) if decision.until else "",
    }


@register.inclusion_tag("admin/django_patreon/overview.html", takes_context=True)
def patreon_overview(context: Context) -> dict[str, Any]:
    """Show the figures of the campaigns, for staff who may look at memberships."""
    reader = getattr(context.get("request"), "user", None)
    if not getattr(reader, "has_perm", lambda _: False)("django_patreon.view_membership"):
        return {}
    found = overview()
    return {"overview": found, "chart": _chart(found.weeks)}


def _chart(weeks: list[Week]) -> dict[str, Any]:
    """Return the bars of the chart, in its own units: ten a week, and 50 up and down."""
    most = max([1, *(max(each.joined, each.left) for each in weeks)])
    bars = [
        {
            "x": 10 * number + 1,
            "up": round(50 * each.joined / most),
            "top": 50 - round(50 * each.joined / most),
            "down": round(50 * each.left / most),
            "week": each,
        }
        for number, each in enumerate(weeks)
    ]
    return {"bars": bars, "width": 10 * len(weeks), "most": most}
