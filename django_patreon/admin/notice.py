"""What the admin says on every list of ours while gates that name no campaign are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils.translation import gettext as _

from django_patreon import sync
from django_patreon.models import Campaign

if TYPE_CHECKING:
    from django.http import HttpRequest

    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin  # a plain class at run time

__all__ = ["TellsOfClosedGates"]


class TellsOfClosedGates(_ModelAdmin):
    """Its list says so when gates that name no campaign are closed to everybody."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        notice = _closed_gates() if request.method == "GET" else ""
        if notice:
            self.message_user(request, notice, messages.WARNING)
        return super().changelist_view(request, extra_context)


def _closed_gates() -> str:
    """Say that gates which name no campaign mean none, and what to do; "" if they mean one.

    A site whose gates all name their campaign silences the check that says the same.
    """
    if sync.gates_name_campaigns():
        return ""
    ours = Campaign.objects.filter(is_ours=True).count()
    if ours > 1:
        return _(
            "This site acts for more than one campaign now, so gates that name none are"
            " closed to everybody. Set PATREON['CAMPAIGN_ID'] to the one that they mean,"
            " or name a campaign in every gate."
        )
    if ours == 1:
        return ""
    return _(
        "This site acts for no campaign yet, so gates that name none are closed to everybody."
        " Let the campaign's creator sign in with Patreon, or set PATREON['CAMPAIGN_ID']."
    )
