"""The figures of the overview: a fixed number of statements, however many members there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Case, Count, IntegerField, OuterRef, Q, Subquery, Sum, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from django_patreon.conf import patreon_settings
from django_patreon.models import (
    Campaign,
    Membership,
    MembershipEvent,
    PatreonAccount,
    Tier,
    Webhook,
    WebhookDelivery,
)

from .standings import standings
from .words import amount

__all__ = ["Attention", "Income", "Overview", "Week", "overview"]

WEEKS = 52


@dataclass(frozen=True, slots=True)
class Income:
    """What the patrons of one tier pay a month, in cents. Annual amounts count as a twelfth."""

    tier: str
    currency: str
    patrons: int
    cents: int

    @property
    def money(self) -> str:
        return amount(self.cents, self.currency)


@dataclass(frozen=True, slots=True)
class Week:
    """How many joined and left in the week that begins on `monday`, in UTC."""

    monday: date
    joined: int
    left: int

    @property
    def net(self) -> int:
        return self.joined - self.left


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that an operator should look at, and where."""

    what: str
    url: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures, about the campaigns that are ours."""

    campaigns: list[Campaign]
    standings: list[tuple[str, int, str]]
    """Label, number of members, and the address of their list."""
    income: list[Income]
    totals: dict[str, str]
    """What all patrons pay a month, by currency."""
    weeks: list[Week]
    unmatched: int
    """Patrons without an account here."""
    without_membership: int
    """Accounts of people who are no member."""
    attention: list[Attention]


def overview() -> Overview:
    """Return the figures. Nine statements."""
    campaigns = list(Campaign.objects.filter(is_ours=True).select_related("creator").order_by("pk"))
    ours = Membership.objects.filter(campaign__in=[each.patreon_id for each in campaigns])
    named = standings()
    counts = ours.aggregate(
        **{key: Count("pk", filter=which) for key, (_said, which) in named.items()},
        unmatched=Count("pk", filter=Q(account=None, patron_status="active_patron")),
    )
    accounts = PatreonAccount.objects.aggregate(
        reconnect=Count("pk", filter=Q(state=PatreonAccount.State.RECONNECT)),
    )
    without = PatreonAccount.objects.filter(memberships=None).count()
    income = _income(ours)
    totals: dict[str, int] = {}
    for each in income:
        totals[each.currency] = totals.get(each.currency, 0) + each.cents
    base = _list(Membership)
    return Overview(
        campaigns=campaigns,
        standings=[
            (str(said), counts[key], f"{base}?standing={quote(key)}")
            for key, (said, _which) in named.items()
        ],
        income=income,
        totals={currency: amount(cents, currency) for currency, cents in totals.items()},
        weeks=_weeks(campaigns),
        unmatched=counts["unmatched"],
        without_membership=without,
        attention=list(_attention(campaigns, accounts["reconnect"])),
    )


def _list(model: Any) -> str:
    return reverse(f"admin:django_patreon_{model._meta.model_name}_changelist")


def _income(ours: Any) -> list[Income]:
    """Group the patrons who pay by the dearest tier that they hold."""
    paying = standings()["paying"][1]
    dearest = Tier.objects.filter(memberships=OuterRef("pk")).order_by("-amount_cents")
    rows = (
        ours.filter(paying)
        .annotate(top=Subquery(dearest.values("title")[:1]))
        .values_list("top", "campaign__currency", "pledge_cadence")
        .annotate(patrons=Count("pk"), cents=Sum("currently_entitled_amount_cents"))
        .order_by()
    )
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for title, currency, months, patrons, cents in rows:
        key = (title or "", currency or "")
        before = found.get(key, (0, 0))
        found[key] = before[0] + patrons, before[1] + (cents or 0) // (months or 1)
    made = [Income(tier, currency, *values) for (tier, currency), values in found.items()]
    return sorted(made, key=lambda each: -each.cents)


def _weeks(campaigns: list[Campaign]) -> list[Week]:
    today = timezone.now().astimezone(UTC).date()
    last = today - timedelta(days=today.weekday())
    mondays = [last - timedelta(weeks=number) for number in reversed(range(WEEKS))]
    kinds = (MembershipEvent.Kind.JOINED, MembershipEvent.Kind.LEFT)
    begins = [datetime.combine(day, time.min, tzinfo=UTC) for day in mondays]
    # Comparisons, not TruncWeek: SQLite would call a Python function for each event.
    week = Case(
        *(When(at__gte=begin, then=Value(n)) for n, begin in reversed(list(enumerate(begins)))),
        output_field=IntegerField(),
    )
    rows = (
        MembershipEvent.objects.filter(kind__in=kinds, at__gte=begins[0])
        .filter(membership__campaign__in=campaigns)
        .annotate(week=week)
        .values_list("week", "kind")
        .annotate(number=Count("pk"))
        .order_by()
    )
    found = {(mondays[week], kind): number for week, kind, number in rows}
    return [
        Week(day, found.get((day, "joined"), 0), found.get((day, "left"), 0)) for day in mondays
    ]


def _attention(campaigns: list[Campaign], reconnect: int) -> list[Attention]:
    found = []
    for each in campaigns:
        page = reverse("admin:django_patreon_campaign_change", args=[each.pk])
        age = None if each.synced_at is None else timezone.now() - each.synced_at
        if each.creator is None or each.creator.needs_reconnect:
            said = _("%(campaign)s is not connected, so its members cannot be read.")
            found.append(Attention(said % {"campaign": each}, page))
        elif age is None or age > 2 * patreon_settings().SYNC_EVERY:
            said = _("The members of %(campaign)s were not read lately: sync them now.")
            found.append(Attention(said % {"campaign": each}, page))
    if not campaigns:
        said = _("No campaign is this site's yet: connect it.")
        found.append(Attention(said, _list(Campaign)))
    hooks = Webhook.objects.filter(Q(is_paused=True) | Q(failures__gt=0)).count()
    if hooks:
        said = _("Webhooks that fail or are paused: %(count)s.")
        found.append(Attention(said % {"count": hooks}, _list(Webhook)))
    failed = WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED).count()
    if failed:
        said = _("Webhook deliveries that were not applied: %(count)s.")
        found.append(Attention(said % {"count": failed}, f"{_list(WebhookDelivery)}?state=failed"))
    if reconnect:
        said = _("People who must reconnect Patreon: %(count)s.")
        found.append(
            Attention(said % {"count": reconnect}, f"{_list(PatreonAccount)}?state=reconnect")
        )
    return found
