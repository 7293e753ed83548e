"""Everything that people read, in each language that comes along."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation

import django_patreon
from django_patreon.access.words import SENTENCES
from django_patreon.entitlement import Reason

PACKAGE = Path(django_patreon.__file__).parent
LANGUAGES = sorted(each.name for each in (PACKAGE / "locale").iterdir())


def entries(path: Path) -> dict[str, str]:
    """Read a .po file whose lines are not wrapped: `make messages` sees to that."""
    found = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', path.read_text(), flags=re.M)
    return {unquoted(key): unquoted(text) for key, text in found}


def unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n")


def messages(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES"


def test_these_languages_come_along() -> None:
    assert LANGUAGES == ["de", "es", "fr"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language: str) -> None:
    path = messages(language) / "django.po"
    assert "fuzzy" not in path.read_text()
    assert all(entries(path).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_installed_is_what_was_translated(language: str) -> None:
    """After a change: `make messages`."""
    with (messages(language) / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for key, text in entries(messages(language) / "django.po").items():
        assert compiled.gettext(key) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_of_its_original(language: str) -> None:
    for key, text in entries(messages(language) / "django.po").items():
        places = re.compile(r"%\(\w+\)s|%s")
        assert sorted(places.findall(key)) == sorted(places.findall(text)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_said_in_the_persons_language(language: str) -> None:
    for reason in Reason:
        with translation.override("en"):
            english = str(SENTENCES[reason])
        with translation.override(language):
            assert str(SENTENCES[reason]) != english


def test_all_that_is_said_has_been_translated(tmp_path: Path) -> None:
    """What gettext's own tools find in the code is what the translators have had."""
    if shutil.which("xgettext") is None:
        if os.environ.get("CI"):
            pytest.fail("gettext is missing. On Debian: apt install gettext")
        pytest.skip("gettext is missing")
    copy = tmp_path / "django_patreon"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("sandbox", "__pycache__"))
    command = [sys.executable, "-m", "django", "makemessages", "--no-location", "--no-wrap"]
    environment = {n: v for n, v in os.environ.items() if n != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [*command, "--no-obsolete", "-l", "de"],
        cwd=copy,
        env=environment,
        check=True,
        capture_output=True,
    )
    found = entries(copy / "locale" / "de" / "LC_MESSAGES" / "django.po").keys()
    for language in LANGUAGES:
        assert entries(messages(language) / "django.po").keys() == found
