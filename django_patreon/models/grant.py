"""Grant: a pass, or a ban, that somebody here has given by hand. Patreon has no say in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .campaign import Campaign, Tier

__all__ = ["Grant"]


class GrantQuerySet(models.QuerySet["Grant"]):
    def in_force(self, now: datetime | None = None) -> GrantQuerySet:
        """Those that count at `now`."""
        now = now or timezone.now()
        return self.filter(models.Q(until=None) | models.Q(until__gt=now), starts_at__lte=now)

    def give(
        self,
        user: Any,
        *,
        tier: Tier | None = None,
        cents: int | None = None,
        campaign: Campaign | None = None,
        starts_at: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        by: Any = None,
    ) -> Grant:
        """Let `user` pass as if they held `tier`, or gave `cents` a month, from now or later on.

        Raises `ValidationError` when it names neither, or ends before it begins.
        """
        return self._make(
            user=user,
            tier=tier,
            cents=cents,
            campaign=campaign,
            starts_at=starts_at or timezone.now(),
            until=until,
            reason=reason,
            given_by=by,
        )

    def deny(
        self,
        user: Any,
        *,
        campaign: Campaign | None = None,
        starts_at: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        by: Any = None,
    ) -> Grant:
        """Keep `user` out, whatever they pay, until it is revoked or over."""
        return self._make(
            user=user,
            deny=True,
            campaign=campaign,
            starts_at=starts_at or timezone.now(),
            until=until,
            reason=reason,
            given_by=by,
        )

    def _make(self, **columns: Any) -> Grant:
        grant: Grant = self.model(**columns)
        grant.full_clean(validate_unique=False)
        grant.save(force_insert=True, using=self.db)
        return grant


class Grant(models.Model):
    """A pass worth a tier or an amount a month, or with `deny` a ban. Kept when it is over.

    Synchronising with Patreon never touches it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="patreon_grants",
        verbose_name=_("user"),
    )
    deny = models.BooleanField(
        _("keep out"), default=False, help_text=_("A ban: stronger than anything they pay.")
    )
    tier = models.ForeignKey(
        Tier,
        to_field="patreon_id",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("as if holding"),
    )
    cents = models.PositiveIntegerField(
        _("as if giving"), null=True, blank=True, help_text=_("Cents a month.")
    )
    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("for campaign"),
        help_text=_("Empty: that of the tier, or every campaign of this site."),
    )
    starts_at = models.DateTimeField(_("from"), default=timezone.now)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("given by"),
    )
    created_at = models.DateTimeField(_("given"), auto_now_add=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("revoked by"),
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(deny=True, tier=None, cents=None)
                | models.Q(deny=False, tier__isnull=False)
                # What is NULL is not false to a database.
                | models.Q(deny=False, cents__isnull=False, cents__gt=0),
                name="patreon_grant_says_what",
                violation_error_message=_("A pass names a tier or an amount; a ban neither."),
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gte=models.F("starts_at")),
                name="patreon_grant_ends_after_it_begins",
                violation_error_message=_("It cannot end before it begins."),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "until"], name="patreon_grant_of_user")]

    def __str__(self) -> str:
        what = _("ban") if self.deny else self.tier or f"{self.cents or 0} cents"
        return f"{self.user}: {what}"

    def clean(self) -> None:
        if self.tier is not None and self.campaign not in (None, self.tier.campaign):
            raise ValidationError(_("The tier is of another campaign."))

    def revoke(self, *, by: Any = None) -> None:
        """End it now. It stays in the history; ending what is over already changes nothing."""
        now = timezone.now()
        if self.until is not None and self.until <= now:
            return
        self.starts_at, self.until = min(now, self.starts_at), now
        self.revoked_at, self.revoked_by = now, by
        self.save(update_fields=["starts_at", "until", "revoked_at", "revoked_by"])
