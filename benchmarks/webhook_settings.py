"""The tests' site with a webhook, and a bare view beside ours."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.webhook_urls"
PATREON = {"WEBHOOK_SECRETS": ["benchmark-secret"]}
MIDDLEWARE: list[str] = []
if "BENCHMARK_DATABASE" in os.environ:  # a server beside the process that made the database
    DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]  # noqa: F405

INSTALLED_APPS = [*INSTALLED_APPS, "anymail", "djstripe"]  # noqa: F405
ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": "benchmark-secret"}
STRIPE_TEST_SECRET_KEY = "sk_test_0123456789abcdefABCDEF01"
STRIPE_LIVE_MODE = False
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
