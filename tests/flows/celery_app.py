"""A site's Celery application, as docs/background.md has it: `celery -A tests.flows.celery_app`."""

from __future__ import annotations

import os
from typing import Any

import django
from celery import Celery

django.setup()

from django_patreon import tasks  # noqa: E402

app = Celery("site", broker=os.environ["WORKER_BROKER"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # The tests' own: queues that no other run reads, and a Redis that soon gives a task away again.
    task_default_queue=os.environ["WORKER_QUEUE"],
    broker_transport_options={"visibility_timeout": 10, "polling_interval": 0.1}
    if os.environ["WORKER_BROKER"].startswith("redis")
    else {},
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,
)


@app.task
def sync_campaign(campaign_id: str) -> dict[str, Any]:
    print("sync", campaign_id, flush=True)
    return tasks.sync_campaign.call(campaign_id)


@app.task
def look_at_member(campaign_id: str, member_id: str) -> dict[str, Any]:
    return tasks.look_at_member.call(campaign_id, member_id)
