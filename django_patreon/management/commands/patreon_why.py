from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from django.utils.timesince import timesince

from django_patreon.access import Patron, Rule, sentence
from django_patreon.access.loading import KnownTier
from django_patreon.access.rules import near_tier
from django_patreon.access.words import needs_in_words
from django_patreon.entitlement import GrantFacts, MembershipFacts, Policy, Worth
from django_patreon.models import Campaign, Membership, Tier, tier_id

_UNHEARD = "unknown: Patreon has told this site of no such"


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
        for line in [*_unheard_tiers(rule), _campaign(facts.campaign_id)]:
            self._say(f"  {line}")
        self._say(f"What is known (times are of {timezone.get_current_timezone_name()}):")
        for line in _facts(user, patron, rule):
            self._say(f"  {line}")
        self._say("The settings:")
        for line in _policy(facts.policy):
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
            self._say(f"  until {_when(decision.until)}, unless something new is heard")
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
    return [f"tier {each} is {_UNHEARD} tier" for each in sorted(map(str, asked - set(heard)))]


def _campaign(campaign_id: str | None) -> str:
    if campaign_id is None:
        return "of campaign unknown: this site has not said which is its own"
    found = Campaign.objects.filter(patreon_id=campaign_id).first()
    return f"of campaign {campaign_id}, {_UNHEARD + ' campaign' if found is None else found}"


def _facts(user: Any, patron: Patron, rule: Rule) -> list[str]:
    facts, tiers = patron.facts(rule.campaign_id), patron.known.tiers
    lines = [f"user {user.pk}, {'active' if user.is_active else 'inactive'}"]
    subject = facts.subject
    traits = {"staff": subject.is_staff, "the creator": subject.is_creator}
    lines += [name for name, true in traits.items() if true]
    linked = "linked to Patreon" if subject.is_linked else "not linked to Patreon"
    lines.append(linked + (", must reconnect" if subject.needs_reconnect else ""))
    for grant in facts.grants:
        what = "a ban" if grant.deny else f"a pass for {_worth(grant, tiers)}"
        what += f" of campaign {grant.campaign_id}" if grant.campaign_id else ""
        state = "in force" if grant.is_in_force(facts.now) else "not in force"
        lines.append(f"{what}, {state}, from {_when(grant.starts_at)} to {_when(grant.until)}")
    for each in facts.memberships:
        ours = "" if each.campaign_id == facts.campaign_id else " (another campaign: ignored)"
        lines.append(f"membership of campaign {each.campaign_id}{ours}")
        lines += [f"  {line}" for line in _membership(each, tiers, facts.now)]
    return lines


def _worth(grant: GrantFacts, tiers: Mapping[str, KnownTier]) -> str:
    tier = [] if grant.tier is None else [f"tier {_title(grant.tier.id, tiers)}"]
    cents = [] if grant.cents is None else [f"{grant.cents} cents a month"]
    return " and ".join(tier + cents)


def _membership(facts: MembershipFacts, tiers: Mapping[str, KnownTier], now: datetime) -> list[str]:
    held = ", ".join(f"{_title(t.id, tiers)} ({t.amount_cents} cents)" for t in facts.tiers)
    lines = [
        f"as of {_when(facts.fetched_at)}, {timesince(facts.fetched_at, now)} ago",
        f"status {facts.patron_status}, last charge {facts.last_charge_status}"
        f" on {_when(facts.last_charge_date)}, next on {_when(facts.next_charge_date)}",
        f"tiers {held or 'none'}; {facts.currently_entitled_amount_cents} cents"
        f" for {facts.pledge_cadence} months",
        f"{facts.campaign_lifetime_support_cents} cents in all,"
        f" since {_when(facts.pledge_relationship_start)}",
    ]
    lines += [
        word
        for word, true in [("a gift", facts.is_gifted), ("a trial", facts.is_free_trial)]
        if true
    ]
    if facts.declined_since:
        lines.append(f"declined since {_when(facts.declined_since)}")
    if facts.blank_since:
        before = "unknown" if facts.remembered is None else _remembered(facts.remembered, tiers)
        lines.append(f"nothing paid listed since {_when(facts.blank_since)}; before: {before}")
    return lines


def _remembered(before: Worth, tiers: Mapping[str, KnownTier]) -> str:
    held = ", ".join(_title(key, tiers) for key in before.prices) or "no tier"
    return f"{held}; {before.amount} cents a month"


def _policy(policy: Policy) -> list[str]:
    spans = {
        "DECLINED_GRACE": policy.declined_grace,
        "BLANK_GRACE": policy.blank_grace,
        "MAX_AGE": policy.max_age,
    }
    counted = {
        "trials": policy.count_trial,
        "gifts": policy.count_gifted,
        "patrons not yet charged": policy.count_uncharged,
        "staff": policy.staff_bypass,
    }
    ignored = [name for name, counts in counted.items() if not counts]
    return [
        ", ".join(f"{name} {span}" for name, span in spans.items()),
        *([f"not counted: {', '.join(ignored)}"] if ignored else []),
    ]


def _title(key: str, tiers: Mapping[str, KnownTier]) -> str:
    known = tiers.get(key)
    return f"{known.title} {key}" if known and known.title else key


def _when(moment: datetime | None) -> str:
    return "-" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
