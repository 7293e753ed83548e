"""TierChoices: for admins of a site's own models that name a tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from django_patreon.models import Tier

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin  # a plain class at run time

__all__ = ["TierChoices"]


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
