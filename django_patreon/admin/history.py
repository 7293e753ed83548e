"""The admin's pages of syncs and of changes of memberships. To look at, not to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from django_patreon.models import MembershipEvent, SyncRun

from .rows import ToLookAt

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["MembershipEventAdmin", "SyncRunAdmin"]


@admin.register(SyncRun)
class SyncRunAdmin(ToLookAt):
    list_display = (
        "__str__",
        "state",
        "seen",
        "total",
        "added",
        "changed",
        "same",
        "ended",
        "demoted",
        "unmatched",
        "bad",
        "finished_at",
        "message",
    )
    list_filter = ("state", "campaign", "started_at", "is_forced")
    list_select_related = ("campaign",)
    search_fields = ("message", "campaign__name", "campaign__patreon_id")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Load the list again every three seconds while a sync is running."""
        response = super().changelist_view(request, extra_context)
        if request.method == "GET" and SyncRun.objects.exclude(place=None).exists():
            response["Refresh"] = "3"
        return response


@admin.register(MembershipEvent)
class MembershipEventAdmin(ToLookAt):
    list_display = ("membership", "kind", "source", "at", "from_words", "to_words")
    list_filter = ("kind", "source", "at", "membership__campaign")
    list_select_related = ("membership__campaign",)
    search_fields = (
        "membership__full_name",
        "membership__patreon_id",
        "membership__patreon_user_id",
    )

    @admin.display(description=_("before"))
    def from_words(self, event: MembershipEvent) -> str:
        return _in_words(event.before)

    @admin.display(description=_("after"))
    def to_words(self, event: MembershipEvent) -> str:
        return _in_words(event.after)


def _in_words(state: dict[str, object] | None) -> str:
    """Return what was known of a membership on one line; empty parts are left out."""
    parts = []
    for name, value in (state or {}).items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else value
        if said not in (None, ""):
            parts.append(f"{name}: {said}")
    return "; ".join(parts)
