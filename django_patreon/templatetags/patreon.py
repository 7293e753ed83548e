"""`{% load patreon %}`"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.middleware.csrf import get_token
from django.template.base import (
    FilterExpression,
    Node,
    NodeList,
    Parser,
    Token,
    token_kwargs,
)
from django.utils.http import url_has_allowed_host_and_scheme

from django_patreon.access import Rule, patron_for, patron_of, sentence
from django_patreon.models import Campaign

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_patreon")
register = template.Library()


@register.inclusion_tag("django_patreon/login_button.html", takes_context=True)
def patreon_login_button(
    context: template.Context, text: str = "", next: str | None = None, css_class: str = ""
) -> dict[str, Any]:
    """Show the button that begins signing in with Patreon, or linking for who is signed in.

    `text` replaces the words on it, `next` is where the person comes back to (this page when left
    out, or where this page's own `?next=` leads), `css_class` is added to the button's classes.
    """
    request = _request_of(context)
    return {
        "csrf_token": context.get("csrf_token") or (request and get_token(request)),
        "begin": f"{getattr(settings, 'SOCIAL_AUTH_URL_NAMESPACE', None) or 'social'}:begin",
        "text": text,
        "next": next if next is not None else _come_back_to(request),
        "next_name": REDIRECT_FIELD_NAME,
        "css_class": css_class,
    }


def _request_of(context: template.Context) -> HttpRequest | None:
    """Find the request of the page, also where its context has been left out: in
    `{% include ... only %}` and inclusion tags."""
    found: HttpRequest | None = context.get("request") or getattr(context, "request", None)
    return found


def _come_back_to(request: HttpRequest | None) -> str:
    if request is None:
        return ""
    asked = request.GET.get(REDIRECT_FIELD_NAME, "")
    if asked and url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return asked
    # The answer to a POST may not be a page that can be visited again.
    return request.get_full_path() if request.method in ("GET", "HEAD") else ""


_ANY = object()


@register.filter
def is_patron(user: Any, of: Any = _ANY) -> bool:
    """Say whether a user is a patron: `{% if user|is_patron %}`, `{% if user|is_patron:"gold" %}`,
    and with a `Campaign`, of that one: `{% if user|is_patron:campaign %}`.

    Else a tier is named, and meant exactly, as in `check(user, tier=...)`; one that is empty opens
    nothing.
    """
    name = "campaign" if isinstance(of, Campaign) else "tier"
    rule = Rule() if of is _ANY else _rule({name: of})
    return bool(patron_for(user or None).decide(rule))


def _rule(asked: dict[str, Any]) -> Rule:
    """Make the rule of values that a template was given.

    A variable that is not there, or holds what no rule is made of, is asked for all the same, and
    nobody has it: it is not "any support", and no reason to break the page.
    """
    given: dict[str, Any] = {n: "" if value is None else value for n, value in asked.items()}
    try:
        return Rule(**given)
    except (TypeError, ValueError) as error:
        logger.warning("A gate in a template is closed to all: %s", error)
        return Rule(tier=())


@register.tag
def patrons_only(parser: Parser, token: Token) -> PatronsOnly:
    """Show what is between to patrons, and what stands behind `{% locked %}` to others.

        {% patrons_only tier="gold" %}...{% locked %}{{ why }}{% endpatrons_only %}

    Takes what `check` takes. Behind `{% locked %}`, `decision` and `why` are there.
    """
    bits = token.split_contents()[1:]
    rule = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(
            'patrons_only takes arguments by name, such as tier="gold".'
        )
    unknown = rule.keys() - Rule.__dataclass_fields__
    if unknown:
        raise template.TemplateSyntaxError(
            f"patrons_only does not know {', '.join(sorted(unknown))}."
        )
    try:
        Rule(**_literals(rule))
    except (TypeError, ValueError) as error:
        raise template.TemplateSyntaxError(f"patrons_only: {error}") from None
    inside = parser.parse(("locked", "endpatrons_only"))
    outside = NodeList()
    if parser.next_token().contents == "locked":
        outside = parser.parse(("endpatrons_only",))
        parser.delete_first_token()
    return PatronsOnly(rule, inside, outside)


def _literals(expressions: dict[str, FilterExpression]) -> dict[str, Any]:
    """Pick what is written out in a template, and needs no context to be known."""
    found = {}
    for name, each in expressions.items():
        value = each.var
        if isinstance(value, template.Variable):
            if value.lookups is not None:
                continue
            value = value.literal
        if not each.filters:
            found[name] = value
    return found


class PatronsOnly(Node):
    child_nodelists = ("inside", "outside")

    def __init__(
        self, rule: dict[str, FilterExpression], inside: NodeList, outside: NodeList
    ) -> None:
        self.rule, self.inside, self.outside = rule, inside, outside

    def render(self, context: template.Context) -> str:
        request = _request_of(context)
        patron = patron_for(context.get("user")) if request is None else patron_of(request)
        asked = {name: value.resolve(context) for name, value in self.rule.items()}
        decision = patron.decide(_rule(asked))
        if decision.allowed:
            return self.inside.render(context)
        with context.push(decision=decision, why=sentence(decision)):
            return self.outside.render(context)
