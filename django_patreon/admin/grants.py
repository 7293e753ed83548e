"""Passes and bans."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from django_patreon.models import Grant
from django_patreon.operators.words import amount

from .rows import GoesWithItsOwner
from .tier_choices import TierChoices

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

__all__ = ["GrantAdmin"]


class Counting(admin.SimpleListFilter):
    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Yes")), ("0", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        found = Grant.objects.in_force().values("pk")
        match self.value():
            case "1":
                return queryset.filter(pk__in=found)
            case "0":
                return queryset.exclude(pk__in=found)
        return queryset


@admin.register(Grant)
class GrantAdmin(TierChoices, GoesWithItsOwner):
    """Passes and bans: given and revoked, never changed, so that the history stays true."""

    list_display = (
        "user",
        "what",
        "its_campaign",
        "starts_at",
        "until",
        "given_by",
        "reason",
        "revoked_at",
        "revoked_by",
    )
    list_filter = (Counting, "deny", "tier", "starts_at", "until", "revoked_at")
    list_select_related = ("user", "tier__campaign", "campaign", "given_by", "revoked_by")
    raw_id_fields = ("user",)
    ordering = ("-created_at",)
    actions = ("revoke",)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Offer names where the site's admin can search users; else the key that it has."""
        users = self.admin_site._registry.get(get_user_model())
        can = users is not None and bool(users.get_search_fields(request))
        return ("user",) if can else ()

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["reason", f"user__{get_user_model().USERNAME_FIELD}"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        asked = ["user", "deny", "tier", "cents", "campaign", "starts_at", "until", "reason"]
        noted = ["given_by", "created_at", "revoked_by", "revoked_at", "given_until"]
        return asked if obj is None else asked + noted

    def save_model(self, request: HttpRequest, obj: Grant, form: Any, change: bool) -> None:
        obj.given_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    @admin.display(description=_("what"), ordering="deny")
    def what(self, grant: Grant) -> str:
        """Return what it is in words; a ban has no green tick."""
        if grant.deny:
            return gettext("Ban")
        currency = getattr(self.its_campaign(grant), "currency", "") or ""
        worth = [str(grant.tier)] if grant.tier else []
        worth += [] if grant.cents is None else [amount(grant.cents, currency, 1)]
        return gettext("Pass: %(worth)s") % {"worth": ", ".join(worth)}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take `for_days` from the address: the buttons of the panel prefill the form."""
        initial = super().get_changeform_initial_data(request)
        days = str(initial.pop("for_days", ""))
        if days.isdecimal() and 0 < int(days) < 10_000:
            initial |= {"until": timezone.now() + timedelta(days=int(days))}  # type: ignore[dict-item]
        return initial

    @admin.display(description=_("campaign"))
    def its_campaign(self, grant: Grant) -> Any:
        """Of which campaign it is; none for one that is for all of them."""
        return grant.campaign or (grant.tier and grant.tier.campaign)

    @admin.action(description=_("Revoke now"), permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Grant]) -> None:
        count = 0
        for grant in queryset:
            if grant.revoke(by=request.user):
                count += 1
                self.log_change(request, grant, [{"changed": {"fields": ["until"]}}])
        if not count:
            self.message_user(request, _("They were over already."), messages.INFO)
            return
        said = ngettext("%(count)s grant is revoked.", "%(count)s grants are revoked.", count)
        self.message_user(request, said % {"count": count}, messages.SUCCESS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
