"""One of many who want room: `python -m tests.flows.taker KEY TRIES`. Prints how often it went."""

from __future__ import annotations

import os
import sys
import time

import django

django.setup()

from django_patreon.limits.database import DatabaseStore  # noqa: E402
from django_patreon.limits.rates import Rate  # noqa: E402
from django_patreon.limits.redis_store import RedisStore  # noqa: E402

url = os.environ.get("TAKER_STORE")
store = RedisStore(url) if url else DatabaseStore()
rate = Rate(burst=20, per_second=5)
if sys.argv[2] == "1":
    rate = Rate(burst=1, per_second=0.01)
went = 0
for _ in range(int(sys.argv[2])):
    went += store.take(sys.argv[1], rate) == 0
    time.sleep(0.005)
print(went)
