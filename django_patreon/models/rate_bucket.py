"""Where the limits of all processes meet."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["RateBucket"]


class RateBucket(models.Model):
    """The use of one rate limit, shared by all processes. Written by `limits` alone."""

    key = models.CharField(primary_key=True, max_length=80)
    arrival = models.BigIntegerField(
        default=0,
        help_text="Microseconds since 1970 until which the room in the bucket is spoken for.",
    )

    class Meta:
        verbose_name = _("rate limit")
        verbose_name_plural = _("rate limits")

    def __str__(self) -> str:
        return self.key
