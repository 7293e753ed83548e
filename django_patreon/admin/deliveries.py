"""Webhooks, and the inbox of what they have delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_patreon import webhooks
from django_patreon.models import Webhook, WebhookDelivery

from .rows import ToLookAt

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

__all__ = ["WebhookAdmin", "WebhookDeliveryAdmin"]


@admin.register(Webhook)
class WebhookAdmin(ToLookAt):
    list_display = ("__str__", "uri", "is_well", "failures", "last_attempted_at", "checked_at")
    list_filter = ("campaign", "is_paused")
    list_select_related = ("campaign",)
    exclude = ("secret",)

    @admin.display(description=_("is well"), boolean=True)
    def is_well(self, webhook: Webhook) -> bool:
        return not webhook.is_paused and not webhook.failures


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ToLookAt):
    list_display = ("event", "member_id", "received_at", "times", "state", "attempts", "error")
    list_filter = ("state", "event", "received_at", "campaign_id")
    search_fields = ("member_id", "person_id", "error")
    fields = (
        "event",
        "state",
        "error",
        "attempts",
        "due_at",
        "applied_at",
        "received_at",
        "last_received_at",
        "times",
        "webhook",
        "campaign_id",
        "member_id",
        "body_in_words",
    )
    readonly_fields = ("body_in_words",)
    actions = ("replay",)

    class Media:
        css = {"all": ("django_patreon/admin.css",)}  # noqa: RUF012  (as Django has it)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        return found.defer("body") if is_list else found

    @admin.display(description=_("body"))
    def body_in_words(self, delivery: WebhookDelivery) -> str:
        """Return the body, folded, since it names a person."""
        body = bytes(delivery.body)
        if not body:
            return str(_("It was emptied."))
        try:
            said = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            said = body[:10_000].decode("utf-8", "replace")
        said = said.encode("utf-8", "replace").decode()
        return format_html(
            "<details><summary>{}</summary><pre>{}</pre></details>",
            _("Show the body, which names a person"),
            said,
        )

    def has_replay_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm("django_patreon.change_webhookdelivery"))

    @admin.action(description=_("Apply once more"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        keys = list(queryset.values_list("pk", flat=True))
        began = timezone.now()
        webhooks.replay(keys=keys)
        webhooks.apply_waiting(seconds=10)
        applied = WebhookDelivery.objects.filter(pk__in=keys, applied_at__gte=began).defer("body")
        count = 0
        for each in applied:
            count += 1
            self.log_change(request, each, "Applied once more.")
        said = ngettext(
            "%(count)s delivery is applied.", "%(count)s deliveries are applied.", count
        )
        level = messages.SUCCESS if count == len(keys) else messages.WARNING
        self.message_user(request, said % {"count": count}, level)
