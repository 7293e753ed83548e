"""The foreign key from a row to the tier that it asks for, and which tiers forms offer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.db.models import Q

from django_patreon.conf import patreon_settings
from django_patreon.models import Tier

if TYPE_CHECKING:
    _ForeignKey = models.ForeignKey[Tier | None, Tier | None]
    _ModelChoiceField = forms.ModelChoiceField[Tier]
else:
    _ForeignKey = models.ForeignKey
    _ModelChoiceField = forms.ModelChoiceField

__all__ = ["TierField", "tiers_of_the_site"]


def tiers_of_the_site(model: Any) -> Q:
    """Return the filter of the tiers that rows of a `PatronGated` model may ask for.

    They are those of our campaigns, and of the campaigns that `campaign_lookup` leads to.
    """
    found = Q(campaign__is_ours=True)
    chosen = patreon_settings().CAMPAIGN_ID
    if chosen is not None:
        found |= Q(campaign=chosen)
    if model.campaign_lookup is not None:
        first, _, rest = model.campaign_lookup.partition("__")
        # The campaigns of its parents, such as shows, some of which may have no rows yet.
        parent = model._meta.get_field(first).related_model if rest else model
        way = f"{rest or first}__patreon_id"
        found |= Q(campaign__in=parent._base_manager.exclude(**{way: None}).values(way))
    return found


class TierChoiceField(_ModelChoiceField):
    """Offers the tiers of the row's own campaign if that is known.

    The row itself validates what a form sends, since the form may have changed its campaign, too.
    """

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        row = getattr(form, "instance", None)
        if row is not None and hasattr(row, "own_campaign_id"):
            own = row.own_campaign_id()
            offered: Any = self.queryset
            if own is not None and not form.is_bound:
                offered = offered.filter(campaign=own)
            self.queryset = _with_that_of_the_row(offered, row.required_tier_id)
        return super().get_bound_field(form, field_name)


def _with_that_of_the_row(offered: Any, key: Any) -> Any:
    """Add what the row asks for already. Otherwise nothing would be selected, and saving the form
    would open the row to all patrons."""
    if key is None or offered.filter(pk=key).exists():
        return offered
    found = Q(pk__in=offered.order_by().values("pk")) | Q(pk=key)
    return Tier.objects.filter(found).select_related("campaign")


class TierField(_ForeignKey):
    """A foreign key to `Tier` that offers the tiers of the site's campaigns in every form.

    In migrations it is a plain `ForeignKey`, since the choices do not concern the database.
    """

    def contribute_to_class(self, cls: Any, name: str, *args: Any, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, *args, **kwargs)
        if not cls._meta.abstract:
            self.remote_field.limit_choices_to = self._offered

    def _offered(self) -> Q:
        return tiers_of_the_site(self.model)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("limit_choices_to", None)
        return name, "django.db.models.ForeignKey", args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": TierChoiceField, **kwargs})
