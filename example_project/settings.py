"""A small supporters' site. Runs on a laptop as it is; the environment changes what it must.

DATABASE_URL        postgres://user:password@host:port/name, mysql://..., sqlite:///path
PATREON_BASE_URL    where Patreon is; the sandbox of `make demo` when left out
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = True
SECRET_KEY = "example-project-only-never-use-this-anywhere-else"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

# -- the lines a site needs for Patreon

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "social_django",
    "django_patreon",
    "example_project",
]
AUTHENTICATION_BACKENDS = [
    "django_patreon.backends.PatreonOAuth2",
    "django_patreon.backends.PatreonCreatorOAuth2",  # connects the campaign, in the admin
    "django.contrib.auth.backends.ModelBackend",
]
SOCIAL_AUTH_PATREON_KEY = os.environ.get("PATREON_CLIENT_ID", "sandbox-client")
SOCIAL_AUTH_PATREON_SECRET = os.environ.get("PATREON_CLIENT_SECRET", "sandbox-secret")

# -- and the one that makes it talk to the sandbox

PATREON = {
    "BASE_URL": os.environ.get("PATREON_BASE_URL", "http://127.0.0.1:8001"),
    # Which campaign opens the gates, and what its tiers are called here.
    "CAMPAIGN_ID": os.environ.get("PATREON_CAMPAIGN_ID", "4410027"),
    "TIERS": {"bronze": "9100001", "silver": "9100002", "gold": "9100003"},
    "TIER_GROUPS": {"gold": ["keepers"]},
}

# -- the rest is like any site

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_patreon.middleware.PatreonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "example_project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps' own, so that the site's look wins over django_patreon's plain pages.
        "DIRS": [BASE_DIR / "example_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "front"
LOGOUT_REDIRECT_URL = "front"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "example_project" / "static_root"
USE_TZ = True
TIME_ZONE = "UTC"  # as the sandbox's clock has it
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français")]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django_patreon": {"handlers": ["console"], "level": "INFO"},
        "django.server": {"level": os.environ.get("DEMO_LOG_LEVEL", "INFO")},
    },
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]


def _database(url: str) -> dict[str, object]:
    """Read a database URL. Raises `ValueError` when it is of a kind we do not know."""
    parts = urlsplit(url)
    engines = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql"}
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]),
            # Readers and a writer side by side.
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL",
                "timeout": 20,
            },
        }
    if parts.scheme not in engines:
        raise ValueError("DATABASE_URL must begin with sqlite://, postgres:// or mysql://")
    return {
        "ENGINE": f"django.db.backends.{engines[parts.scheme]}",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }


DATABASES = {
    "default": _database(os.environ.get("DATABASE_URL") or f"sqlite:///{BASE_DIR}/demo.sqlite3")
}
# What the pretend Patreon remembers, beside the database whose tokens it gave out.
DEMO_STATE = (
    Path(str(DATABASES["default"]["NAME"])).with_suffix(".sandbox.json")
    if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    else BASE_DIR / "demo.sandbox.json"
)
