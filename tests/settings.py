"""The smallest site that signs people in with Patreon; `TEST_DB` chooses the database."""

from __future__ import annotations

import os
import tempfile

SECRET_KEY = "a-key-for-tests-only-and-nothing-else"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "social_django",
    "django_patreon",
    "tests.gates",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_patreon.middleware.PatreonMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django_patreon.context_processors.patreon",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "django_patreon.backends.PatreonOAuth2",
    "django_patreon.backends.PatreonCreatorOAuth2",
    "django.contrib.auth.backends.ModelBackend",
]
SOCIAL_AUTH_PATREON_KEY = "sandbox-client"
SOCIAL_AUTH_PATREON_SECRET = "sandbox-secret"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"

# Two checkouts that are tested at once must not drop each other's database.
_NAME = f"django_patreon_{os.getpid()}"
_DATABASES = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "test.sqlite3",
        # A file, so that threads and processes of a test share it.
        "TEST": {"NAME": f"{tempfile.gettempdir()}/{_NAME}.sqlite3"},
        "OPTIONS": {
            "timeout": 20,
            # Readers and a writer side by side: what a site on SQLite should have.
            "init_command": "PRAGMA journal_mode=WAL",
        },
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "TEST": {"NAME": _NAME},
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "PORT": os.environ.get("PGPORT", "5432"),
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "test",
        "USER": os.environ.get("MYSQL_USER", "root"),
        "PASSWORD": os.environ.get("MYSQL_PWD", ""),
        "HOST": os.environ.get("MYSQL_HOST", "127.0.0.1"),
        "PORT": os.environ.get("MYSQL_TCP_PORT", "3306"),
        "OPTIONS": {"charset": "utf8mb4"},
        "TEST": {"NAME": _NAME, "CHARSET": "utf8mb4"},
    },
}
TEST_DB = os.environ.get("TEST_DB", "sqlite")
if TEST_DB == "mariadb":
    import pymysql

    pymysql.install_as_MySQLdb()
DATABASES = {"default": _DATABASES[TEST_DB]}
# The limits have tests of their own, and other tests are quicker than Patreon allows.
PATREON = {"RATE_LIMIT": None}
