"""Webhook: an address that Patreon tells of changes. WebhookDelivery: what it has sent there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_patreon.fields import EncryptedTextField

from .campaign import Campaign

__all__ = ["Webhook", "WebhookDelivery"]


class Webhook(models.Model):
    """A webhook of this site's client at Patreon. Written by `webhooks` alone.

    The row is made before Patreon is asked, since its key is part of the address. Until Patreon
    has answered, `patreon_id` is null and `secret` empty. The secret never changes: to rotate it, a
    second webhook is made and the first one deleted.
    """

    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.CASCADE,
        related_name="webhooks",
        verbose_name=_("campaign"),
    )
    patreon_id = models.CharField(_("Patreon id"), max_length=64, unique=True, null=True)  # noqa: DJ001
    uri = models.TextField(_("address"), blank=True)
    triggers = models.JSONField(_("events"), default=list)
    secret = EncryptedTextField(_("secret"), blank=True, editable=False)
    is_paused = models.BooleanField(_("paused by Patreon"), default=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_attempted_at = models.DateTimeField(_("last attempt of Patreon"), null=True)
    checked_at = models.DateTimeField(
        _("checked"), null=True, help_text=_("When Patreon was last asked about this webhook.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.campaign}, webhook {self.patreon_id or self.pk}"


class WebhookDelivery(models.Model):
    """A verified delivery of a webhook. Written by `webhooks` alone.

    The same event with the same body is one row, however often it is delivered.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        WORKING = "working", _("being applied")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        IGNORED = "ignored", _("set aside")

    digest = models.CharField(max_length=64, unique=True, editable=False)
    webhook = models.ForeignKey(
        Webhook,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        verbose_name=_("webhook"),
    )
    event = models.CharField(_("event"), max_length=64, blank=True)
    body = models.BinaryField(_("body"))
    campaign_id = models.CharField(_("campaign"), max_length=64, blank=True)
    member_id = models.CharField(_("member"), max_length=64, blank=True)
    person_id = models.CharField(_("person"), max_length=64, blank=True, db_index=True)
    received_at = models.DateTimeField(_("received"), db_index=True)
    last_received_at = models.DateTimeField(_("received again"))
    times = models.PositiveIntegerField(_("times received"), default=1)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("next attempt"))
    lease = models.CharField(max_length=32, blank=True, editable=False)
    applied_at = models.DateTimeField(_("applied"), null=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering: ClassVar = ["-received_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="patreon_deliveries_due"),
            models.Index(fields=["member_id", "state"], name="patreon_deliveries_of_member"),
        ]

    def __str__(self) -> str:
        return f"{self.event or '?'}, {self.received_at:%Y-%m-%d %H:%M:%S}"
