"""Do the rows that say whose they are lead to a campaign?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldDoesNotExist

from django_patreon.access import PatronGated
from django_patreon.models import Campaign

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["check_rows"]


@register(Tags.models)
def check_rows(**_: Any) -> list[CheckMessage]:
    """Look at the `campaign_lookup` of every `PatronGated` model."""
    gated = [each for each in apps.get_models() if issubclass(each, PatronGated)]
    return [
        Error(
            f"{each._meta.label}.campaign_lookup is {each.campaign_lookup!r}, which leads from a"
            " row to no campaign.",
            hint="Name foreign keys that lead to django_patreon.models.Campaign, such as"
            ' "author__campaign".',
            obj=each,
            id="django_patreon.E012",
        )
        for each in gated
        if each.campaign_lookup is not None and not _leads_home(each, each.campaign_lookup)
    ]


def _leads_home(model: type[Model], lookup: str) -> bool:
    found: Any = model
    try:
        for name in lookup.split("__"):
            field = found._meta.get_field(name)
            if not field.concrete or field.many_to_many or not field.related_model:
                return False
            found = field.related_model
    except FieldDoesNotExist:
        return False
    return found is Campaign
