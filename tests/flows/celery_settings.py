"""The tests' site, for Celery workers, which share Patreon's rate limits in the database."""

from __future__ import annotations

from .worker_settings import *  # noqa: F403

PATREON = PATREON | {"RATE_LIMIT": "database"}  # noqa: F405
