"""The tests' site with a webhook, and a bare view beside ours."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.webhook_urls"
PATREON = {"WEBHOOK_SECRETS": ["benchmark-secret"]}
MIDDLEWARE: list[str] = []
if "BENCHMARK_DATABASE" in os.environ:  # a server beside the process that made the database
    DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]  # noqa: F405
