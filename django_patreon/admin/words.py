"""Badges, and links to lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html

from django_patreon.operators.words import status_of

if TYPE_CHECKING:
    from django.db import models

    from django_patreon.models import Membership

__all__ = ["link_to_list", "status_badge"]


def status_badge(row: Membership) -> str:
    """Return the status as a badge."""
    kind, said = status_of(row)
    return format_html('<span class="patreon-badge patreon-badge--{}">{}</span>', kind, said)


def link_to_list(model: type[models.Model], said: Any, **query: Any) -> str:
    """Return a link to the list of a model, filtered."""
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(query), said)
