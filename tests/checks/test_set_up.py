"""Checks of Django's own settings: sessions, proxies, templates and dates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from .test_checks import faults

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parent.parent.parent
CACHES = "django.core.cache.backends"
SESSIONS = "django.contrib.sessions.backends"


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mail, "outbox")


@pytest.mark.parametrize(("same_site", "cure"), [("Strict", "'Lax'"), ("none", "COOKIE_SECURE")])
def test_a_session_cookie_that_does_not_come_back_is_named(
    settings: Any, same_site: str, cure: str
) -> None:
    settings.SESSION_COOKIE_SAMESITE = same_site
    assert cure in faults()["W024"]


@pytest.mark.parametrize(
    ("same_site", "secure"), [("Lax", False), ("None", True), (None, False), (False, False)]
)
def test_other_session_cookies_are_fine(settings: Any, same_site: Any, secure: bool) -> None:
    settings.SESSION_COOKIE_SAMESITE, settings.SESSION_COOKIE_SECURE = same_site, secure
    assert faults() == {}


@pytest.mark.parametrize("engine", ["cache", "cached_db"])
def test_sessions_that_each_process_has_for_itself_are_named(
    settings: Any, production: None, engine: str
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{CACHES}.locmem.LocMemCache"}}
    settings.SESSION_ENGINE = f"{SESSIONS}.{engine}"
    assert "all processes share" in faults()["W018"]
    settings.DEBUG = True  # runserver is one process
    assert faults() == {}


def test_sessions_that_are_not_kept_at_all_are_named(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{CACHES}.dummy.DummyCache"}}
    settings.SESSION_ENGINE = f"{SESSIONS}.cache"
    assert "keeps nothing" in faults()["W018"]
    settings.SESSION_ENGINE = f"{SESSIONS}.cached_db"  # the database keeps them
    assert faults() == {}


def test_sessions_in_a_shared_cache_or_the_database_are_fine(
    settings: Any, production: None, tmp_path: Path
) -> None:
    settings.CACHES = {
        "default": {"BACKEND": f"{CACHES}.filebased.FileBasedCache", "LOCATION": str(tmp_path)}
    }
    for engine in ("cache", "cached_db", "db", "signed_cookies"):
        settings.SESSION_ENGINE = f"{SESSIONS}.{engine}"
        assert faults() == {}


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Proto", "X_FORWARDED_PROTO", "http-x-forwarded-proto"]
)
def test_a_proxy_header_that_is_spelt_wrong_is_named(settings: Any, name: str) -> None:
    settings.SECURE_PROXY_SSL_HEADER = (name, "https")
    assert "Write 'HTTP_X_FORWARDED_PROTO'" in faults()["W019"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert faults() == {}


def test_a_secret_that_is_the_id_is_named_and_not_shown(settings: Any) -> None:
    settings.SOCIAL_AUTH_PATREON_KEY = settings.SOCIAL_AUTH_PATREON_SECRET = "the-same-text"
    assert "are the same" in faults()["W020"]
    assert "the-same-text" not in str(faults())


def test_limits_that_each_process_keeps_for_itself_are_named_at_deployment(settings: Any) -> None:
    settings.PATREON = {"RATE_LIMIT": "process"}
    assert faults() == {}
    assert "'database'" in faults(deploy=True)["W021"]


def test_templates_that_django_does_not_find_are_named(settings: Any) -> None:
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "APP_DIRS": False}]
    assert "APP_DIRS" in faults()["W022"]


def test_dates_that_come_twice_are_named(settings: Any) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Berlin"
    assert "USE_TZ = True" in faults()["W023"]
    settings.TIME_ZONE = "UTC"
    assert faults() == {}


def test_the_table_of_the_docs_has_every_id() -> None:
    code = "".join(each.read_text() for each in (ROOT / "django_patreon/checks").glob("*.py"))
    named = re.findall(r'"django_patreon\.([EW]\d{3})"', code)
    listed = re.findall(
        r"^\| `django_patreon\.([EW]\d{3})` ", (ROOT / "docs/checks.md").read_text(), re.M
    )
    assert set(named) == set(listed)
    assert len(listed) == len(set(listed))
