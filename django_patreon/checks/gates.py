"""Are the tiers known that gates name, in code, in templates and in the settings?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.urls import get_resolver

from django_patreon.access import declared_rules, near_tier, tier_id
from django_patreon.conf import patreon_settings
from django_patreon.models import Tier

__all__ = ["check_gates", "check_tiers"]

_OFF = re.compile(
    r"{#.*?#}|{%\s*comment\b.*?endcomment\s*%}|{%\s*verbatim\b.*?endverbatim\b.*?%}", re.DOTALL
)
_TAG = re.compile(r"{%\s*patrons_only\s(.*?)%}")
_NAMED = re.compile(r"""\b(?:tier|at_least)=(["'])(.*?)\1(?!\|)""")
_FILTER = re.compile(r"""\|\s*is_patron:(["'])(.*?)\1""")


@register(Tags.security)
def check_gates(**_: Any) -> list[CheckMessage]:
    """Look at the rules of all views, and at the names they use."""
    try:
        named = patreon_settings()
    except ImproperlyConfigured:
        return []  # E002 has said it
    with suppress(Exception):  # Django's own check of the URLs says what is wrong with them
        len(get_resolver().url_patterns)  # views are made known by being imported
    written = sorted({*_written_in_templates()})
    faults: list[CheckMessage] = [
        Error(
            f"The gate at {where} asks for the tier {name!r}, which nobody knows:"
            " it is closed to all.",
            hint=near_tier(name),
            id="django_patreon.E010",
        )
        for where, name in (
            *((where, name) for where, rule in declared_rules() for name in rule.unknown_tiers),
            *((where, name) for where, name in written if tier_id(name) is None),
        )
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


@register(Tags.database)
def check_tiers(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Compare the ids that rules use with the tiers that Patreon has told us of (T13).

    Runs with `migrate` and `check --database default`, and once tiers are known.
    """
    using = router.db_for_read(Tier)
    try:
        named = patreon_settings().TIERS
    except ImproperlyConfigured:
        return []  # E002 has said it
    if using not in (databases or ()) or Tier._meta.db_table not in _tables(using):
        return []
    known = dict(Tier.objects.using(using).values_list("patreon_id", "published"))
    used = {key: f"PATREON['TIERS'][{name!r}]" for name, key in named.items()}
    for where, rule in declared_rules():
        for key in map(tier_id, rule.named_tiers):
            if key is not None:
                used.setdefault(key, f"The gate at {where}")
    return [
        Warning(
            f"{where} means tier {key}, which"
            f" {'is no longer published' if key in known else 'Patreon has not told us of'}.",
            hint="A tier that is made anew on Patreon has a new id.",
            id="django_patreon.W006",
        )
        for key, where in used.items()
        if known and (key not in known or known[key] is False)
    ]


def _tables(using: str) -> list[str]:
    connection = connections[using]
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def _written_in_templates() -> Iterator[tuple[str, str]]:
    """Yield the tiers that the templates of this site name in so many words, with where."""
    for path in _templates():
        try:
            source = _OFF.sub("", path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue  # Django says so when it is used
        if "patrons_only" in source or "is_patron" in source:
            tags = " ".join(_TAG.findall(source))
            for _, name in (*_NAMED.findall(tags), *_FILTER.findall(source)):
                yield str(path), name


def _templates() -> set[Path]:
    try:
        used = [each for each in engines.all() if isinstance(each, DjangoTemplates)]
    except ImproperlyConfigured:
        return set()  # Django's own check says it
    folders = {Path(folder) for each in used for folder in each.template_dirs}
    return {path for folder in folders for path in folder.rglob("*.html")}
