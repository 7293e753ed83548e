"""The rules of a site that can be read without a request: in code, and in templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.template import engines
from django.template.backends.django import DjangoTemplates

from django_patreon.access import Rule
from django_patreon.access.rules import declared_rules

__all__ = ["written_rules"]

_OFF = re.compile(
    r"{#.*?#}|{%\s*comment\b.*?endcomment\s*%}|{%\s*verbatim\b.*?endverbatim\b.*?%}", re.DOTALL
)
_TAG = re.compile(r"{%\s*(?:patrons_only|patron_decision)\s(.*?)%}")
_NAMED = re.compile(r"""\b(tier|at_least|campaign)=(["'])(.*?)\2(?!\|)""")
_ELSEWHERE = re.compile(r"""\bcampaign=[^"'\s]""")
_KINDS = frozenset({".html", ".htm", ".txt", ".xml", ".md", ".svg", ".js", ".css", ".ics"})
"""Files of which people make templates: pages, letters, feeds."""
_FILTER = re.compile(r"""\|\s*is_patron:(["'])(.*?)\1""")


def written_rules() -> list[tuple[str, Rule]]:
    """List the rules that name a tier or a campaign in so many words, with where they stand."""
    return [*declared_rules(), *sorted(set(_in_templates()), key=str)]


def _in_templates() -> Iterator[tuple[str, Rule]]:
    for path in _templates():
        try:
            source = _OFF.sub("", path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue  # Django says so when it is used
        if any(each in source for each in ("patrons_only", "patron_decision", "is_patron")):
            for arguments in _TAG.findall(source):
                named = {name: value for name, _, value in _NAMED.findall(arguments)}
                rule = Rule(**named)
                # Of whose campaign a tier is asked, a variable will say, which no check can read.
                if rule.unknown_tiers or not _ELSEWHERE.search(arguments):
                    yield str(path), rule
            for _, name in _FILTER.findall(source):
                yield str(path), Rule(tier=name)


def _templates() -> set[Path]:
    try:
        used = [each for each in engines.all() if isinstance(each, DjangoTemplates)]
    except ImproperlyConfigured:
        return set()  # Django's own check says it
    folders = {Path(folder) for each in used for folder in each.template_dirs}
    return {p for folder in folders for p in folder.rglob("*") if p.suffix in _KINDS}
