"""One worker of many: `python -m tests.flows.worker ACCOUNT`, told to begin on stdin.

Prints the account's live token, and waits then to be told to end.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django_patreon import tokens  # noqa: E402
from django_patreon.models import PatreonAccount  # noqa: E402

account = PatreonAccount.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(str(tokens.access_token(account)), flush=True)
sys.stdin.readline()
