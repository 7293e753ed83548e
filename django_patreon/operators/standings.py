"""The standings of members that operators count and filter by."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

__all__ = ["standings"]

_DECLINED = Q(patron_status="declined_patron") | Q(last_charge_status="Declined")
_PAID_UP = Q(patron_status="active_patron") & ~Q(last_charge_status="Declined")


def standings() -> dict[str, tuple[Any, Q]]:
    """Return label and filter of each standing, as of now."""
    later = Q(currently_entitled_amount_cents__gt=0) | Q(next_charge_date__gt=timezone.now())
    active, former = Q(patron_status="active_patron"), Q(patron_status="former_patron")
    return {
        "paying": (_("Active and paying"), _PAID_UP & Q(is_gifted=False, is_free_trial=False)),
        "declined": (_("Payment declined"), _DECLINED),
        "leaving": (_("Leaving: paid until later"), former & later),
        "gift": (_("Gift"), active & Q(is_gifted=True)),
        "trial": (_("Free trial"), active & Q(is_free_trial=True)),
        "free": (_("Free member"), Q(patron_status=None)),
        "former": (_("Former"), former),
    }
