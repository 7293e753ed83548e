"""The tests' site, with allauth beside it."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.gate_urls"
INSTALLED_APPS = [
    *INSTALLED_APPS,  # noqa: F405
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.patreon",
]
# allauth insists on it; the measured pages do without (`gates.measure_pages`).
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]  # noqa: F405
