"""One worker of many: `python -m tests.flows.worker ACCOUNT WHAT`, told to begin on stdin.

WHAT is `refresh`, or a place to be killed at: `before`, `answered` or `after`.
"""

from __future__ import annotations

import os
import signal
import sys

import django

django.setup()

from django_patreon import tokens  # noqa: E402
from django_patreon.api import transport  # noqa: E402
from django_patreon.models import PatreonAccount  # noqa: E402
from django_patreon.tokens import life  # noqa: E402


def die(*args: object, **kwargs: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(key: str, what: str) -> None:
    account = PatreonAccount.objects.get(pk=key)
    if what == "before":
        transport._session().request = die  # type: ignore[method-assign]
    elif what == "answered":
        life._write_at_all_costs = die
    print("ready", flush=True)
    sys.stdin.readline()
    token = tokens.access_token(account)
    if what == "after":
        die()
    print(str(token), flush=True)


main(*sys.argv[1:])
