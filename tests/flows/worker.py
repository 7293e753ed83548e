"""One worker of many: `python -m tests.flows.worker ACCOUNT`, told what to do on stdin.

`look` makes it load the account, and `go` print the account's live token.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django_patreon import tokens  # noqa: E402
from django_patreon.models import PatreonAccount  # noqa: E402

account = PatreonAccount()
for word in sys.stdin:
    if word == "look\n":
        account = PatreonAccount.objects.get(pk=sys.argv[1])
        print("ready", flush=True)
    else:
        print(str(tokens.access_token(account)), flush=True)
