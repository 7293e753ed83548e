from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from django_patreon.access import Patron, Rule, sentence
from django_patreon.access.report import (
    UNHEARD,
    campaign_in_words,
    facts_in_words,
    policy_in_words,
    when,
)
from django_patreon.access.rules import near_tier
from django_patreon.access.words import needs_in_words
from django_patreon.models import Membership, Tier, tier_id


class Command(BaseCommand):
    help = "Say why somebody may come in, or may not: the decision step by step, and its facts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="user name, e-mail address, or Patreon's id of the person")
        parser.add_argument("--tier", help="name or id: hold this tier")
        parser.add_argument("--at-least", help="name or id: hold this tier, or what is worth it")
        parser.add_argument("--cents", type=int, help="give this much a month")
        parser.add_argument("--lifetime-cents", type=int, help="have given this much in all")
        parser.add_argument(
            "--since", type=_moment, help="have joined by then: 2024-05-01, or with a time and zone"
        )
        parser.add_argument("--campaign", help="Patreon's id; the site's own when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._find(options["user"])
        names = ("tier", "at_least", "cents", "lifetime_cents", "since", "campaign")
        try:
            rule = Rule(**{name: options[name] for name in names if options[name] is not None})
        except ValueError as error:
            raise CommandError(str(error)) from None
        for name in rule.unknown_tiers:
            raise CommandError(f"Nobody knows the tier {name!r}. {near_tier(name)}")
        patron = Patron(user)
        facts = patron.facts(rule.campaign_id)
        self._say("The rule asks for:")
        asked = patron.requirement(rule)
        campaign = patron.known.campaigns.get(facts.campaign_id or "")
        currency = campaign.currency if campaign else ""
        for line in needs_in_words(asked, patron.known.tiers, currency):
            self._say(f"  {line}")
        for line in [*_unheard_tiers(rule), campaign_in_words(facts.campaign_id)]:
            self._say(f"  {line}")
        self._say(f"What is known (times are of {timezone.get_current_timezone_name()}):")
        for line in facts_in_words(user, patron, rule):
            self._say(f"  {line}")
        self._say("The settings:")
        for line in policy_in_words(facts.policy):
            self._say(f"  {line}")
        self._say("The decision:")
        steps = patron.explain(rule)
        for step in steps:
            answer = "goes on" if step.decision is None else step.decision.reason
            self._say(f"  {step.question:46} {answer}")
        decision = steps[-1].decision
        assert decision is not None  # noqa: S101  (the last question always has an answer)
        verdict = "MAY COME IN" if decision.allowed else "MAY NOT COME IN"
        style = self.style.SUCCESS if decision.allowed else self.style.ERROR
        self._say(style(f"{user.get_username()} {verdict}: {sentence(decision)}"))
        if decision.detail:
            self._say(f"  Patreon's word: {decision.detail}")
        if decision.until:
            self._say(f"  until {when(decision.until)}, unless something new is heard")
        if decision.needs and not decision.allowed:
            for line in needs_in_words(decision.needs, patron.known.tiers, currency):
                self._say(f"  missing: {line}")
        if not user.is_active:
            self._say("  the user is inactive: Django does not let them sign in")

    def _find(self, name: str) -> Any:
        model = get_user_model()
        users = model._default_manager.all()
        ways = [{model.USERNAME_FIELD: name}]
        if "@" in name:
            ways.append({f"{model.get_email_field_name()}__iexact": name})
            ways.append({"patreon_account__email__iexact": name})
        ways.append({"patreon_account__patreon_id": name})
        for way in ways:
            found = list(users.filter(**way)[:2])
            if len(found) > 1:
                raise CommandError(f"More than one user has the address {name}: name one of them.")
            if found:
                return found[0]
        if Membership.objects.filter(Q(patreon_user_id=name) | Q(patreon_id=name)).exists():
            raise CommandError(f"{name} is a member on Patreon, and nobody's account here.")
        raise CommandError(f"Nobody here is called {name}.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date such as 2024-05-01") from None


def _unheard_tiers(rule: Rule) -> list[str]:
    """Any digits may be an id: say which ones are of no tier that this site has heard of."""
    asked = {tier_id(each) for each in rule.named_tiers}
    heard = Tier.objects.filter(patreon_id__in=asked).values_list("patreon_id", flat=True)
    return [f"tier {each} is {UNHEARD} tier" for each in sorted(map(str, asked - set(heard)))]
