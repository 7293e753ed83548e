"""MembershipEvent: what has changed about a membership, when, and how we learned it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .membership import Membership, Source

__all__ = ["MembershipEvent"]


class MembershipEvent(models.Model):
    """A change of a membership's status, last charge, tiers or amount. Written by `sync` alone.

    `before` and `after` hold `status`, `charge`, `tiers` (ids), `cents` and `months`; `before` is
    null for a membership that was not known.
    """

    class Kind(models.TextChoices):
        FOUND = "found", _("found")
        JOINED = "joined", _("joined")
        CHANGED = "changed", _("changed")
        LEFT = "left", _("left")

    membership = models.ForeignKey(
        Membership,
        on_delete=models.CASCADE,
        related_name="events",
        verbose_name=_("membership"),
    )
    kind = models.CharField(
        _("kind"),
        max_length=8,
        choices=Kind.choices,
        help_text=_(
            "Joined: began to pay. Left: no longer pays. Found: was there when it was first seen."
        ),
    )
    source = models.CharField(_("learned by"), max_length=8, choices=Source.choices)
    at = models.DateTimeField(_("as of"))
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"))

    class Meta:
        verbose_name = _("membership event")
        verbose_name_plural = _("membership events")
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["kind", "at"], name="patreon_events_by_kind"),
            models.Index(fields=["at"], name="patreon_events_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.membership}"
