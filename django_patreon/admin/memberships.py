"""Memberships: who pays what, who leaves, and whose account it is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from django_patreon.models import Membership, MembershipEvent, Tier
from django_patreon.operators.standings import standings
from django_patreon.operators.words import amount, status_of

from .rows import ToLookAt
from .words import link_to_list, status_badge

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

__all__ = ["MembershipAdmin"]


class Standing(admin.SimpleListFilter):
    title = _("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(key, said) for key, (said, _which) in standings().items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = standings().get(self.value() or "")
        return queryset.filter(found[1]) if found else queryset


class HasAccount(admin.SimpleListFilter):
    title = _("account on this site")
    parameter_name = "has_account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Yes")), ("0", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("0", "1"):
            return queryset.filter(account__isnull=self.value() == "0")
        return queryset


class HoldsTier(admin.SimpleListFilter):
    title = _("tier")
    parameter_name = "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        tiers = Tier.objects.filter(campaign__is_ours=True).order_by("campaign", "amount_cents")
        return [(each.patreon_id, str(each)) for each in tiers[:100]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.with_tier(self.value()) if self.value() else queryset  # type: ignore[attr-defined]


class Left(admin.SimpleListFilter):
    title = _("left")
    parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("7", _("In the last 7 days")),
            ("31", _("In the last 31 days")),
            ("365", _("In the last 365 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        days = self.value() or ""
        if days not in ("7", "31", "365"):
            return queryset
        since = timezone.now() - timedelta(days=int(days))
        left = MembershipEvent.objects.filter(
            membership=OuterRef("pk"), kind=MembershipEvent.Kind.LEFT, at__gte=since
        )
        return queryset.filter(Exists(left))


@admin.register(Membership)
class MembershipAdmin(ToLookAt):
    list_display = (
        "who",
        "status",
        "titles",
        "pays",
        "account",
        "joined",
        "seen",
    )
    list_filter = (
        Standing,
        HoldsTier,
        HasAccount,
        Left,
        "pledge_relationship_start",
        "pledge_cadence",
        "seen_by",
        "campaign",
    )
    list_select_related = ("campaign", "account__user")
    actions = ("download",)

    class Media:
        css = {"all": ("django_patreon/admin.css",)}  # noqa: RUF012  (as Django has it)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        name = get_user_model().USERNAME_FIELD
        own = ["full_name", "email", "patreon_id", "patreon_user_id"]
        return [*own, f"account__user__{name}"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["status", "titles", "pays", "history"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("tiers")

    @admin.display(description=_("name"), ordering="full_name")
    def who(self, membership: Membership) -> str:
        return membership.full_name or membership.patreon_user_id or membership.patreon_id

    @admin.display(description=_("status"), ordering="patron_status")
    def status(self, membership: Membership) -> str:
        return status_badge(membership)

    @admin.display(description=_("tiers"))
    def titles(self, membership: Membership) -> str:
        return ", ".join(map(str, membership.tiers.all()))

    @admin.display(description=_("pays"), ordering="currently_entitled_amount_cents")
    def pays(self, membership: Membership) -> str:
        return amount(
            membership.currently_entitled_amount_cents,
            membership.campaign.currency or "",
            membership.pledge_cadence,
        )

    @admin.display(description=_("joined"), ordering="pledge_relationship_start")
    def joined(self, membership: Membership) -> str:
        start = membership.pledge_relationship_start
        return date_format(timezone.localtime(start), "SHORT_DATE_FORMAT") if start else ""

    @admin.display(description=_("last seen"), ordering="fetched_at")
    def seen(self, membership: Membership) -> str:
        when = date_format(timezone.localtime(membership.fetched_at), "SHORT_DATETIME_FORMAT")
        return f"{when}, {membership.get_seen_by_display()}"

    @admin.display(description=_("history"))
    def history(self, membership: Membership) -> str:
        return link_to_list(MembershipEvent, _("all changes"), membership__id__exact=membership.pk)

    @admin.action(description=_("Download as CSV"), permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[Membership]) -> Any:
        response = StreamingHttpResponse(
            _lines(queryset.select_related("campaign", "account__user")),
            content_type="text/csv; charset=utf-8",
        )
        response["Content-Disposition"] = 'attachment; filename="memberships.csv"'
        return response


_COLUMNS = (
    "patreon_id",
    "patreon_user_id",
    "full_name",
    "email",
    "campaign",
    "status",
    "tiers",
    "cents",
    "currency",
    "months",
    "joined",
    "user",
)


def _lines(rows: QuerySet[Membership]) -> Iterator[str]:
    """Yield the lines of the file, with little memory however many there are."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(_COLUMNS)
    for row in rows.iterator(chunk_size=500):
        yield writer.writerow(_safe(_values(row)))


def _values(row: Membership) -> Iterable[Any]:
    joined = row.pledge_relationship_start
    return (
        row.patreon_id,
        row.patreon_user_id,
        row.full_name,
        row.email,
        row.campaign,
        status_of(row)[1],
        ", ".join(map(str, row.tiers.all())),
        row.currently_entitled_amount_cents,
        row.campaign.currency,
        row.pledge_cadence,
        joined.isoformat() if joined else "",
        row.account.user.get_username() if row.account else "",
    )


def _safe(values: Iterable[Any]) -> list[str]:
    """Put a quote before what a spreadsheet would take for a formula."""
    texts = ["" if each is None else str(each) for each in values]
    return [f"'{each}" if each[:1] in "=+-@\t\r" and each else each for each in texts]


class _Echo:
    """A file that gives back what is written."""

    def write(self, value: str) -> str:
        return value
