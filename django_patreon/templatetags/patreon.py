"""`{% load patreon %}`"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Never

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

from django_patreon.access import Patron, Rule, patron_of, sentence
from django_patreon.access.check_user import is_reader, patron_for
from django_patreon.access.current import current_request
from django_patreon.access.spelling import refuse_arguments
from django_patreon.entitlement import Decision
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
    if request is None:
        name = getattr(context.template, "name", None) or "a template without a name"
        what = "its form has no CSRF token, so pressing the button fails."
        _warn_of_no_request("patreon_login_button", name, what)
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
    """Say whether the reader is a patron: `{% if user|is_patron %}`, of a tier:
    `{% if user|is_patron:"gold" %}`, of a `Campaign`: `{% if user|is_patron:campaign %}`.

    The tier is meant exactly, as in `check(user, tier=...)`; one that is empty opens nothing.
    A page may have another `user` in its context, such as the one whose profile it shows. About
    them the answer is no, and the log says so once: `patron_decision` is for other people.
    """
    name = "campaign" if isinstance(of, Campaign) else "tier"
    rule = Rule() if of is _ANY else _rule({name: of})
    request = current_request()
    is_somebody = getattr(user, "pk", None) is not None
    if request is not None and is_somebody and not is_reader(request, user):
        _warn_of_another(_page_of(request))
        return False
    return bool(patron_for(user or None).decide(rule))


@register.simple_tag
def patron_decision(user: Any, *unnamed: Never, **rule: Any) -> Decision:
    """Return the decision about any user, such as the one whose profile the page shows.

        {% patron_decision member tier="gold" as theirs %}{% if theirs %}...{% endif %}

    Takes what `check` takes, by name.
    """
    try:
        refuse_arguments(unnamed, rule)
    except TypeError as error:
        raise template.TemplateSyntaxError(f"patron_decision: {error}") from None
    return patron_for(user or None).decide(_rule(rule))


def _page_of(request: HttpRequest) -> str:
    """Name the page by its route, of which there are few, and not by its address."""
    match = request.resolver_match
    return "an unknown page" if match is None else f"/{match.route}"


@lru_cache(maxsize=100)
def _warn_of_another(page: str) -> None:
    logger.warning(
        "At %s, is_patron was asked about a user who is not the reader, and answered no. Ask"
        " {%% if patreon.is_patron %%} about the reader, or {%% patron_decision other as theirs %%}"
        " about somebody else.",
        page,
    )


@lru_cache(maxsize=100)
def _warn_of_no_request(tag: str, template_name: str, what: str) -> None:
    logger.warning(
        "{%% %s %%} in %s was rendered without a request: %s Render the template with the request,"
        " as render(request, ...) does.",
        tag,
        template_name,
        what,
    )


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

    Takes what `check` takes, and asks about the reader: the user of the request. Without a request
    in the context it is closed, and the log says so once. Behind `{% locked %}`, `decision` and
    `why` are there.
    """
    bits = token.split_contents()[1:]
    rule = token_kwargs(bits, parser)
    literals = _literals(rule)
    try:
        refuse_arguments(
            tuple(each.strip("\"'") for each in bits),
            {name: literals.get(name, "gold") for name in rule},
        )
        Rule(**literals)
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
        if request is None:
            what = "it is closed. {% patron_decision user as theirs %} asks about a given user."
            _warn_of_no_request("patrons_only", self.origin.name, what)
        patron = Patron() if request is None else patron_of(request)
        asked = {name: value.resolve(context) for name, value in self.rule.items()}
        decision = patron.decide(_rule(asked))
        if decision.allowed:
            return self.inside.render(context)
        with context.push(decision=decision, why=sentence(decision)):
            return self.outside.render(context)
