"""The addresses that `benchmarks.webhooks` measures."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from anymail.signals import tracking
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from djstripe.views import ProcessWebhookView

from django_patreon.models import WebhookDelivery
from django_patreon.webhook_views import webhook


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """What a site writes first: verify, read, create a row."""
    signature = hmac.new(b"benchmark-secret", request.body, hashlib.md5).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("X-Patreon-Signature", "")):
        return HttpResponse(status=403)
    document = json.loads(request.body)
    now = timezone.now()
    WebhookDelivery.objects.create(
        digest=hashlib.sha256(b"bare" + request.body).hexdigest(),
        event=request.headers["X-Patreon-Event"],
        body=request.body,
        member_id=document["data"]["id"],
        received_at=now,
        last_received_at=now,
        due_at=now,
        state="done",
    )
    return HttpResponse()


@receiver(tracking)
def keep_tracking(event: Any, **kwargs: Any) -> None:
    """What a site on anymail writes: a row for each event."""
    now = timezone.now()
    WebhookDelivery.objects.create(
        digest=hashlib.sha256(event.event_id.encode()).hexdigest(),
        event=event.event_type,
        body=json.dumps(event.esp_event).encode(),
        received_at=now,
        last_received_at=now,
        due_at=now,
        state="done",
    )


anymail = MailgunTrackingWebhookView.as_view()
djstripe = ProcessWebhookView.as_view()


urlpatterns = [
    path("bare/", bare),
    path("ours/", webhook),
    path("patreon/", include("django_patreon.urls")),
]
