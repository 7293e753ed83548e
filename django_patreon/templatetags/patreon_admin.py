"""`{% load patreon_admin %}`: for pages of the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from django_patreon import sync
from django_patreon.models import PatreonAccount

register = template.Library()


@register.inclusion_tag("admin/django_patreon/erased.html")
def patreon_erased(users: Any) -> dict[str, Any]:
    """List the memberships that lose name, e-mail and note when a user, or users, are deleted."""
    some = users if isinstance(users, Iterable) else [users]
    accounts = PatreonAccount.objects.filter(user__in=[each.pk for each in some])
    people = list(accounts.values_list("patreon_id", flat=True))
    return {"memberships": sync.erased_with_accounts(people) if people else []}
