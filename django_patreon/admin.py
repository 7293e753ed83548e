"""The operator's view: who is connected, in which state. To look at, not to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import sync
from .admin_actions import Connecting, Mending
from .admin_history import MembershipEventAdmin, SyncRunAdmin
from .admin_rows import GoesWithItsOwner, ToLookAt
from .exceptions import CampaignNotChosen
from .models import Campaign, Grant, Membership, PatreonAccount, Tier

__all__ = ["MembershipEventAdmin", "SyncRunAdmin"]

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin  # plain classes at run time
    _TabularInline = admin.TabularInline


@admin.register(PatreonAccount)
class PatreonAccountAdmin(Mending, ToLookAt):
    list_display = (
        "full_name_or_id",
        "user",
        "connection",
        "token_expires_at",
    )
    list_filter = ("state", "token_expires_at", "last_sign_in_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_fields = ("full_name", "vanity", "email", "patreon_id")
    fieldsets = (
        (None, {"fields": ("user", "patreon_id", "full_name", "vanity", "email", "url")}),
        (
            _("Connection"),
            {"fields": ("connection", "scopes_in_words", "token_expires_at", "has_tokens")},
        ),
        (
            _("Last refresh"),
            {
                "fields": (
                    "last_refresh_attempt_at",
                    "last_refresh_success_at",
                    "last_refresh_failure_at",
                    "last_refresh_message",
                )
            },
        ),
        (_("Dates"), {"fields": ("last_sign_in_at", "created_at")}),
    )

    class Media:
        css: ClassVar = {"all": ("django_patreon/admin.css",)}

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [*self.search_fields, f"user__{get_user_model().USERNAME_FIELD}"]

    @admin.display(description=_("Patreon name"), ordering="full_name")
    def full_name_or_id(self, account: PatreonAccount) -> str:
        return str(account)

    @admin.display(description=_("state"), ordering="state")
    def connection(self, account: PatreonAccount) -> str:
        # Also when no key opens the tokens any more, which the column cannot know.
        state = PatreonAccount.State
        return str((state.RECONNECT if account.needs_reconnect else state(account.state)).label)

    @admin.display(description=_("granted scopes"))
    def scopes_in_words(self, account: PatreonAccount) -> str:
        return ", ".join(account.scopes)

    @admin.display(description=_("has tokens"), boolean=True)
    def has_tokens(self, account: PatreonAccount) -> bool:
        return bool(account.access_token.readable and account.refresh_token.readable)


class TierInline(_TabularInline):
    model = Tier
    fields = ("title", "patreon_id", "amount_cents", "published", "fetched_at")
    readonly_fields = fields
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tier)
class TierAdmin(ToLookAt):
    """To look at, and so that `autocomplete_fields` and `raw_id_fields` of other models work."""

    list_display = ("__str__", "campaign", "amount_cents", "published", "patreon_id", "fetched_at")
    list_filter = ("campaign", "published")
    list_select_related = ("campaign",)
    ordering = ("campaign", "amount_cents", "patreon_id")
    search_fields = ("title", "patreon_id", "campaign__name")


@admin.register(Campaign)
class CampaignAdmin(Connecting, ToLookAt):
    """To look at; an operator has the last word on whether a campaign is this site's."""

    list_display = (
        "__str__",
        "patreon_id",
        "currency",
        "is_ours",
        "creator",
        "is_connected",
        "synced_at",
    )
    list_filter = ("is_ours",)
    list_select_related = ("creator",)
    search_fields = ("name", "vanity", "patreon_id")
    inlines = (TierInline,)
    actions = ("make_ours", "make_foreign")

    class Media:
        css: ClassVar = {"all": ("django_patreon/admin.css",)}

    @admin.display(description=_("is connected"), boolean=True)
    def is_connected(self, campaign: Campaign) -> bool:
        """Has this site living tokens of the creator that may read the members?"""
        creator = campaign.creator
        if creator is None or creator.needs_reconnect:
            return False
        return sync.MEMBERS_SCOPE in creator.scopes

    def has_own_permission(self, request: HttpRequest) -> bool:
        """Not `has_change_permission`, which would open the columns to editing."""
        user: Any = request.user
        return bool(user.has_perm("django_patreon.change_campaign"))

    @admin.action(description=_("This site acts for it"), permissions=["own"])
    def make_ours(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._say(request, queryset, is_ours=True)

    @admin.action(description=_("This site does not act for it"), permissions=["own"])
    def make_foreign(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._say(request, queryset, is_ours=False)

    def _say(self, request: HttpRequest, queryset: QuerySet[Campaign], *, is_ours: bool) -> None:
        changed = list(queryset.exclude(is_ours=is_ours))
        try:
            with transaction.atomic(using=router.db_for_write(Campaign)):
                for campaign in changed:
                    sync.set_ours(campaign, is_ours)
                    fields = {"fields": [str(_("is ours"))]}
                    self.log_change(request, campaign, [{"changed": fields}])
        except CampaignNotChosen as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        if not changed:
            self.message_user(request, _("It was so already."), messages.INFO)
            return
        names = {"names": ", ".join(map(str, changed))}
        said = (
            _("This site acts for %(names)s now.")
            if is_ours
            else _("This site no longer acts for %(names)s.")
        )
        self.message_user(request, said % names, messages.SUCCESS)


@admin.register(Membership)
class MembershipAdmin(ToLookAt):
    list_display = (
        "__str__",
        "patron_status",
        "currently_entitled_amount_cents",
        "titles",
        "fetched_at",
    )
    list_filter = ("patron_status", "last_charge_status", "is_gifted", "is_free_trial", "campaign")
    list_select_related = ("campaign",)
    search_fields = ("full_name", "email", "patreon_id", "patreon_user_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("tiers")

    @admin.display(description=_("tiers"))
    def titles(self, membership: Membership) -> str:
        return ", ".join(map(str, membership.tiers.all()))


class TierChoices(_ModelAdmin):
    """Tells tiers of one title apart where several campaigns sell some: "Gold (Lanternhouse)"."""

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.related_model is not Tier or not hasattr(field, "queryset"):
            return field
        several = Tier.objects.order_by().values("campaign").distinct()[:2]
        if len(several) > 1:
            field.queryset = field.queryset.select_related("campaign")
            field.label_from_instance = _with_campaign
        return field


def _with_campaign(tier: Tier) -> str:
    return f"{tier} ({tier.campaign})"


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
        "deny",
        "tier",
        "cents",
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
