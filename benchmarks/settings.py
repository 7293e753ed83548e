"""One site with all contenders."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

BASE_URL = os.environ["BENCHMARK_PATREON"]
ROOT_URLCONF = "benchmarks.urls"
INSTALLED_APPS = [
    *INSTALLED_APPS,  # noqa: F405
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.patreon",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]  # noqa: F405
AUTHENTICATION_BACKENDS = [
    "django_patreon.backends.PatreonOAuth2",
    "benchmarks.contenders.StockSocialAuth",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PATREON = {"BASE_URL": BASE_URL}
SOCIAL_AUTH_STOCK_KEY = SOCIAL_AUTH_PATREON_KEY  # noqa: F405
SOCIAL_AUTH_STOCK_SECRET = SOCIAL_AUTH_PATREON_SECRET  # noqa: F405
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_STORE_TOKENS = True
SOCIALACCOUNT_PROVIDERS = {
    "patreon": {
        "VERSION": "v2",
        "APP": {
            "client_id": SOCIAL_AUTH_PATREON_KEY,  # noqa: F405
            "secret": SOCIAL_AUTH_PATREON_SECRET,  # noqa: F405
        },
    }
}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ACCOUNT_EMAIL_VERIFICATION = "none"
