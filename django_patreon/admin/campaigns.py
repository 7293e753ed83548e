"""Campaigns and their tiers: connect one, sync it now, say that it is this site's."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connections, router, transaction
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from django_patreon import sync, tasks
from django_patreon.exceptions import CampaignNotChosen
from django_patreon.models import Campaign, Membership, SyncRun, Tier, Webhook
from django_patreon.operators.words import amount

from .actions import Connecting
from .rows import ToLookAt
from .words import link_to_list

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin  # plain classes at run time
    _TabularInline = admin.TabularInline

__all__ = ["CampaignAdmin", "TierAdmin"]


class Syncing(_ModelAdmin):
    """A button that reads all members of a connected campaign now."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "django_patreon_campaign_sync"
        return [
            path("<int:pk>/sync/", wrap(partial(_sync_now, self)), name=name),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        campaign = context.get("original")
        user: Any = request.user
        context["can_sync"] = (
            campaign is not None
            and campaign.creator is not None
            and user.has_perm("django_patreon.change_campaign")
        )
        return super().render_change_form(request, context, *args, **more)


def _sync_now(page: _ModelAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a sync in the background, and show its progress."""
    user: Any = request.user
    if not user.has_perm("django_patreon.change_campaign"):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    campaign = get_object_or_404(Campaign, pk=pk)
    page.log_change(request, campaign, "Began a sync.")
    if tasks.has_queue():
        tasks.sync_campaign.enqueue(campaign.patreon_id)
    elif connections[router.db_for_write(SyncRun)].in_atomic_block:
        tasks.sync_campaign.call(
            campaign.patreon_id
        )  # a thread would not see what is not committed
    else:
        threading.Thread(target=_sync, args=(campaign.patreon_id,), daemon=True).start()
    messages.info(request, _("The members are being read. This page shows how far it has come."))
    runs = reverse("admin:django_patreon_syncrun_changelist")
    return redirect(f"{runs}?campaign__id__exact={campaign.patreon_id}")


def _sync(campaign_id: str) -> None:
    """Sync in a thread: what goes wrong is in the run's row."""
    try:
        tasks.sync_campaign.call(campaign_id, seconds=None)
    finally:
        connections.close_all()


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

    list_display = ("__str__", "campaign", "price", "published", "patreon_id", "fetched_at")
    list_filter = ("campaign", "published")
    list_select_related = ("campaign",)
    ordering = ("campaign", "amount_cents", "patreon_id")
    search_fields = ("title", "patreon_id", "campaign__name")

    @admin.display(description=_("price"), ordering="amount_cents")
    def price(self, tier: Tier) -> str:
        return amount(tier.amount_cents, tier.campaign.currency, 1)


@admin.register(Campaign)
class CampaignAdmin(Syncing, Connecting, ToLookAt):
    """To look at; an operator has the last word on whether a campaign is this site's."""

    list_display = (
        "__str__",
        "patreon_id",
        "currency",
        "is_ours",
        "creator",
        "is_connected",
        "synced_at",
        "its_members",
        "its_syncs",
        "its_webhooks",
    )
    readonly_fields = ("its_members", "its_syncs", "its_webhooks")
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

    @admin.display(description=_("members"))
    def its_members(self, campaign: Campaign) -> str:
        return link_to_list(Membership, _("members"), campaign__id__exact=campaign.patreon_id)

    @admin.display(description=_("sync runs"))
    def its_syncs(self, campaign: Campaign) -> str:
        return link_to_list(SyncRun, _("sync runs"), campaign__id__exact=campaign.patreon_id)

    @admin.display(description=_("webhooks"))
    def its_webhooks(self, campaign: Campaign) -> str:
        return link_to_list(Webhook, _("webhooks"), campaign__id__exact=campaign.patreon_id)

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
