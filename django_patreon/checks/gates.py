"""Are the tiers known that gates name, in code, in templates and in the settings?"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from django_patreon.access.rules import near_tier
from django_patreon.conf import patreon_settings
from django_patreon.models import tier_id

from .written import written_rules

__all__ = ["check_gates"]

_ID = re.compile(r"[0-9]+|[0-9a-fA-F-]{36}")
"""Digits for tiers, and for other things a UUID (observed)."""


@register(Tags.security)
def check_gates(**_: Any) -> list[CheckMessage]:
    """Look at the rules of all views, and at the names they use."""
    try:
        named = patreon_settings()
    except ImproperlyConfigured:
        return []  # E002 has said it
    with suppress(Exception):  # Django's own check of the URLs says what is wrong with them
        len(get_resolver().url_patterns)  # views are made known by being imported
    unknown = [(where, name) for where, rule in written_rules() for name in rule.unknown_tiers]
    faults: list[CheckMessage] = [
        Error(
            f"The gate at {where} asks for the tier {name!r}, which nobody knows:"
            " it is closed to all.",
            hint=near_tier(name),
            id="django_patreon.E010",
        )
        for where, name in dict.fromkeys(unknown)
    ]
    faults += [
        Error(
            f"PATREON['TIER_GROUPS'] names the tier {name!r}, which nobody knows.",
            hint=near_tier(name),
            id="django_patreon.E010",
        )
        for name in named.TIER_GROUPS
        if tier_id(name) is None
    ]
    faults += [
        Error(
            f"PATREON['TIERS'][{name!r}] is {key!r}, which is no id of a tier: those are digits.",
            hint="The ids are in the admin, under Campaigns. A title may change any day.",
            id="django_patreon.E010",
        )
        for name, key in named.TIERS.items()
        if not _ID.fullmatch(key)
    ]
    scopes = getattr(settings, "SOCIAL_AUTH_PATREON_SCOPE", None) or ()
    asked = scopes.split() if isinstance(scopes, str) else scopes
    if named.CAMPAIGN_ID is None and "identity.memberships" in asked:
        faults.append(
            Warning(
                "People's memberships of all campaigns are asked for, and nothing says which"
                " campaign is this site's: gates that name none stay closed.",
                hint="Set PATREON['CAMPAIGN_ID'].",
                id="django_patreon.W005",
            )
        )
    return faults
