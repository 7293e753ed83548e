"""WantedLook: a membership that Patreon should be asked about soon."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .membership import Membership

__all__ = ["WantedLook"]


class WantedLook(models.Model):
    """A membership that should be looked at, because a gate met old facts. Written by `sync` alone.

    One row for each membership at most, so that many requests ask for one look.
    """

    membership = models.OneToOneField(
        Membership,
        on_delete=models.CASCADE,
        related_name="wanted_look",
        verbose_name=_("membership"),
    )
    wanted_at = models.DateTimeField(_("wanted since"), db_index=True)

    class Meta:
        verbose_name = _("wanted look")
        verbose_name_plural = _("wanted looks")

    def __str__(self) -> str:
        return str(self.membership)
