"""What Patreon's values mean, in words for operators: amounts and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_patreon.entitlement import is_declined

if TYPE_CHECKING:
    from django_patreon.models import Membership

__all__ = ["amount", "status_of"]


def amount(cents: int | None, currency: str, months: int | None = 1) -> str:
    """Return "5.00 EUR a month" or "60.00 EUR a year"; "" for no amount."""
    if cents is None:
        return ""
    money = f"{number_format(cents / 100, decimal_pos=2, force_grouping=True)} {currency}".strip()
    if months == 12:
        return _("%(money)s a year") % {"money": money}
    if months not in (None, 1):
        return _("%(money)s in %(months)s months") % {"money": money, "months": months}
    return _("%(money)s a month") % {"money": money}


def status_of(row: Membership) -> tuple[str, str]:
    """Return the kind of a membership (a CSS class) and its status in words."""
    status = row.patron_status
    if is_declined(status, row.last_charge_status):
        return "warning", _("Payment declined")
    if row.is_free_trial and status == "active_patron":
        return "good", _("Free trial")
    if row.is_gifted and status == "active_patron":
        return "good", _("Gift")
    if status == "active_patron":
        return "good", _("Active")
    if status == "former_patron":
        if (row.currently_entitled_amount_cents or 0) > 0:
            return "warning", _("Leaving")
        return "quiet", _("Former")
    if status is None:
        return "quiet", _("Free member")
    return "warning", status  # a word of Patreon's that nobody knows
