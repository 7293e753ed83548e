"""The tests' site, as one that signs people in with django-allauth, too."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

INSTALLED_APPS += [  # noqa: F405
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.patreon",
]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]  # noqa: F405
AUTHENTICATION_BACKENDS += ["allauth.account.auth_backends.AuthenticationBackend"]  # noqa: F405
ROOT_URLCONF = "tests.foreign.from_allauth_urls"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = True
SOCIALACCOUNT_PROVIDERS = {"patreon": {"VERSION": "v2"}}
