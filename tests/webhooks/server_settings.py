"""The site of a server that a test has started: on the test's database."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["SERVER_DATABASE"]  # noqa: F405
PATREON = {"WEBHOOK_SECRETS": ["an-older-secret", "test-secret"]}
