from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from django.utils.timesince import timesince

from django_patreon.access import Patron, Rule, near_tier, needs_in_words, sentence
from django_patreon.entitlement import Case, GrantFacts, MembershipFacts
from django_patreon.models import Membership


class Command(BaseCommand):
    help = "Say why somebody may come in, or may not: the decision step by step, and its facts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="user name, e-mail address, or Patreon's id of the person")
        parser.add_argument("--tier", help="name or id: hold this tier")
        parser.add_argument("--at-least", help="name or id: hold this tier, or what is worth it")
        parser.add_argument("--cents", type=int, help="give this much a month")
        parser.add_argument("--lifetime-cents", type=int, help="have given this much in all")
        parser.add_argument("--campaign", help="Patreon's id; the site's own when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._find(options["user"])
        names = ("tier", "at_least", "cents", "lifetime_cents", "campaign")
        rule = Rule(**{name: options[name] for name in names if options[name] is not None})
        for name in rule.unknown_tiers:
            raise CommandError(f"Nobody knows the tier {name!r}. {near_tier(name)}")
        patron = Patron(user)
        case = patron.case(rule.campaign_id)
        self._say("The rule asks for:")
        asked = patron.requirement(rule)
        campaign = patron.known.campaigns.get(case.campaign_id or "")
        currency = campaign.currency if campaign else ""
        for line in needs_in_words(asked, patron.known.tiers, currency):
            self._say(f"  {line}")
        self._say(f"  of campaign {case.campaign_id or 'unknown'}")
        self._say("What is known:")
        for line in self._facts(user, case):
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
            self._say(f"  until {decision.until:%Y-%m-%d %H:%M %Z}, unless something new is heard")
        if decision.needs and not decision.allowed:
            for line in needs_in_words(decision.needs, patron.known.tiers, currency):
                self._say(f"  missing: {line}")

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

    def _facts(self, user: Any, case: Case) -> list[str]:
        lines = [f"user {user.pk}, {'active' if user.is_active else 'inactive'}"]
        subject = case.subject
        traits = {"staff": subject.is_staff, "the creator": subject.is_creator}
        lines += [name for name, true in traits.items() if true]
        linked = "linked to Patreon" if subject.is_linked else "not linked to Patreon"
        lines.append(linked + (", must reconnect" if subject.needs_reconnect else ""))
        for grant in case.grants:
            what = "a ban" if grant.deny else f"a pass for {_worth(grant)}"
            state = "in force" if grant.is_in_force(case.now) else "not in force"
            lines.append(f"{what}, {state}, from {_when(grant.starts_at)} to {_when(grant.until)}")
        for each in case.memberships:
            ours = "" if each.campaign_id == case.campaign_id else " (another campaign: ignored)"
            lines.append(f"membership of campaign {each.campaign_id}{ours}")
            lines += [f"  {line}" for line in _membership(each, case.now)]
        return lines

    def _say(self, line: str) -> None:
        self.stdout.write(line)


def _worth(grant: GrantFacts) -> str:
    tier = [] if grant.tier is None else [f"tier {grant.tier.id}"]
    cents = [] if grant.cents is None else [f"{grant.cents} cents a month"]
    return " and ".join(tier + cents)


def _membership(facts: MembershipFacts, now: datetime) -> list[str]:
    tiers = ", ".join(f"{t.id} ({t.amount_cents} cents)" for t in facts.tiers) or "none"
    lines = [
        f"as of {_when(facts.fetched_at)}, {timesince(facts.fetched_at, now)} ago",
        f"status {facts.patron_status}, last charge {facts.last_charge_status}"
        f" on {_when(facts.last_charge_date)}, next on {_when(facts.next_charge_date)}",
        f"tiers {tiers}; {facts.currently_entitled_amount_cents} cents"
        f" for {facts.pledge_cadence} months",
        f"{facts.campaign_lifetime_support_cents} cents in all,"
        f" since {_when(facts.pledge_relationship_start)}",
    ]
    lines += [
        word
        for word, true in [("a gift", facts.is_gifted), ("a trial", facts.is_free_trial)]
        if true
    ]
    if facts.blank_since:
        before = facts.remembered
        lines.append(
            f"nothing paid listed since {_when(facts.blank_since)}; before:"
            f" {', '.join(before.prices) if before else 'unknown'}"
        )
    return lines


def _when(moment: datetime | None) -> str:
    return "-" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
