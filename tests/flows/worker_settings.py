"""The tests' site, for a process of its own, on the test's database."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["WORKER_DATABASE"]  # noqa: F405
PATREON = {"BASE_URL": os.environ["WORKER_PATREON"]}
SILENCED_SYSTEM_CHECKS = ["django_patreon.E009"]  # a site without DEBUG that uses a sandbox
