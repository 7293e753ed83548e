"""Grant: a pass, or a ban, that somebody here has given by hand. Patreon has no say in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_patreon.moments import to_stored

from .campaign import Campaign, Tier, campaign_id_of, tier_id

__all__ = ["Grant"]

_Row = TypeVar("_Row", Campaign, Tier)


class GrantQuerySet(models.QuerySet["Grant"]):
    def in_force(self, now: datetime | None = None) -> GrantQuerySet:
        """Keep the grants that are in force at `now`."""
        now = now or timezone.now()
        return self.filter(models.Q(until=None) | models.Q(until__gt=now), starts_at__lte=now)

    def give(
        self,
        user: Any,
        *,
        tier: Tier | str | int | None = None,
        cents: int | None = None,
        campaign: Campaign | str | None = None,
        starts_at: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        by: Any = None,
    ) -> Grant:
        """Let `user` pass as if they held `tier`, or paid `cents` a month, from now or later on.

        A tier is given as a row, a name from `PATREON["TIERS"]` or Patreon's id, a campaign as a
        row or its id. Raises `ValidationError` when it names neither tier nor amount, or one that
        Patreon has not told us of, or does not end after it begins.
        """
        return self._make(
            user=user,
            tier=_row(Tier, tier, tier_id),
            cents=cents,
            campaign=_row(Campaign, campaign, campaign_id_of),
            starts_at=starts_at or timezone.now(),
            until=until,
            reason=reason,
            given_by=by,
        )

    def deny(
        self,
        user: Any,
        *,
        campaign: Campaign | str | None = None,
        starts_at: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        by: Any = None,
    ) -> Grant:
        """Ban `user`, whatever they pay, until the ban is revoked or over."""
        return self._make(
            user=user,
            deny=True,
            campaign=_row(Campaign, campaign, campaign_id_of),
            starts_at=starts_at or timezone.now(),
            until=until,
            reason=reason,
            given_by=by,
        )

    def _make(self, **columns: Any) -> Grant:
        for name in ("starts_at", "until"):
            columns[name] = _aware(columns[name])
        grant: Grant = self.model(**columns)
        grant.full_clean(validate_unique=False)
        grant.save(force_insert=True, using=self.db)
        return grant


def _aware(moment: datetime | None) -> datetime | None:
    """Return the moment as aware; a naive one is in the site's time zone, as everywhere in
    Django."""
    return to_stored(moment) if isinstance(moment, datetime) else moment


def _row(model: type[_Row], named: Any, id_of: Callable[[Any], str | None]) -> _Row | None:
    """Return the row that is given as itself, as its id or by a name. Raises `ValidationError`."""
    if named is None or isinstance(named, model):
        return named
    found: _Row | None = model._default_manager.filter(patreon_id=id_of(named)).first()
    if found is None:
        words = {"what": model._meta.verbose_name, "name": named}
        raise ValidationError(_("Patreon has told us of no %(what)s %(name)s.") % words)
    return found


class Grant(models.Model):
    """A pass worth a tier or an amount a month, or with `deny` a ban. Kept when it is over.

    No sync with Patreon changes it.
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
        _("as if giving"),
        null=True,
        blank=True,
        help_text=_("Cents a month: 1 is worth any support."),
    )
    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.PROTECT,  # deleting it would delete bans without a trace
        null=True,
        blank=True,
        verbose_name=_("for campaign"),
        help_text=_("Empty: that of the tier, or every campaign of this site."),
    )
    starts_at = models.DateTimeField(_("from"), default=timezone.now)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    """When it ends, or has ended. Revoking moves this forward."""
    given_until = models.DateTimeField(_("end that was given"), null=True, editable=False)
    """What `until` was before the grant was revoked; None: no end. Not used before that."""
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
                # A comparison with NULL is not false to a database.
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
        # A grant that is revoked before it begins ends when it begins, so it is never in force.
        is_empty = self.until is not None and self.until <= self.starts_at
        if is_empty and self.revoked_at is None:
            raise ValidationError({"until": _("It has to end after it begins.")})

    def revoke(self, *, by: Any = None) -> bool:
        """End the grant now, or before it begins. Returns True if that changed anything.

        The end that it was given is kept in `given_until`, beside who revoked it and when. A grant
        that is over, or that somebody else has revoked meanwhile, is not changed.
        """
        using = router.db_for_write(Grant, instance=self)
        with transaction.atomic(using=using):
            try:
                held = Grant.objects.using(using).select_for_update()
                self.refresh_from_db(using=using, from_queryset=held)
            except Grant.DoesNotExist:
                return False
            now = timezone.now()
            if self.revoked_at is not None or (self.until is not None and self.until <= now):
                return False
            self.given_until, self.until = self.until, max(now, self.starts_at)
            self.revoked_at, self.revoked_by = now, by
            self.save(
                using=using, update_fields=["until", "given_until", "revoked_at", "revoked_by"]
            )
        return True
