"""Membership: what Patreon says of one person and one campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .account import PatreonAccount
from .campaign import Campaign, Tier, campaign_id_of, tier_id

__all__ = ["Membership", "Source"]


class Source(models.TextChoices):
    """How we learned what a row says."""

    SIGN_IN = "sign_in", _("sign-in")
    CHECK = "check", _("a look at one person")
    SYNC = "sync", _("sync of the campaign")
    WEBHOOK = "webhook", _("webhook")


class MembershipQuerySet(models.QuerySet["Membership"]):
    """`Membership.objects.paying().for_campaign(campaign).with_tier("gold")`"""

    def paying(self) -> MembershipQuerySet:
        """Keep the memberships with a paid tier or an amount, gifts and trials included.

        This is not the rule of the gates, which `access.check` applies.
        """
        paid_tier = Tier.objects.paid().filter(memberships=models.OuterRef("pk"))
        return self.filter(
            models.Q(currently_entitled_amount_cents__gt=0) | models.Exists(paid_tier)
        )

    def for_campaign(self, campaign: Campaign | str) -> MembershipQuerySet:
        """Keep those of this campaign, given as a row or as Patreon's id."""
        return self.filter(campaign_id=campaign_id_of(campaign))

    def with_tier(self, tier: Any) -> MembershipQuerySet:
        """Keep those that hold this tier: a row, a name from `PATREON["TIERS"]`, or an id."""
        held = Tier.objects.filter(memberships=models.OuterRef("pk"), patreon_id=tier_id(tier))
        return self.filter(models.Exists(held))

    def without_account(self) -> MembershipQuerySet:
        """Keep those of people who have no account here (yet)."""
        return self.filter(account=None)


class Membership(models.Model):
    """A person's membership of a campaign, as Patreon reports it. Written by `sync` alone.

    It exists for people without an account here, too; they are joined by Patreon's id of the
    person. Amounts are cents of the campaign's currency. A column is null if Patreon did not say.
    """

    patreon_id = models.CharField(_("Patreon id"), max_length=64, unique=True)
    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("campaign"),
    )
    account = models.ForeignKey(
        PatreonAccount,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("account"),
    )
    patreon_user_id = models.CharField(
        _("Patreon id of the person"), max_length=64, blank=True, db_index=True
    )
    tiers = models.ManyToManyField(
        Tier, related_name="memberships", blank=True, verbose_name=_("entitled tiers")
    )

    full_name = models.CharField(_("name on Patreon"), max_length=255, blank=True)
    email = models.EmailField(_("e-mail on Patreon"), blank=True)
    note = models.TextField(_("the creator's note"), blank=True)
    patron_status = models.CharField(_("status"), max_length=32, null=True, blank=True)  # noqa: DJ001
    last_charge_status = models.CharField(_("last charge"), max_length=32, null=True, blank=True)  # noqa: DJ001
    last_charge_date = models.DateTimeField(_("last charged"), null=True, blank=True)
    next_charge_date = models.DateTimeField(_("next charge"), null=True, blank=True)
    currently_entitled_amount_cents = models.BigIntegerField(
        _("entitled amount"), null=True, blank=True, help_text=_("Cents, for the whole period.")
    )
    will_pay_amount_cents = models.BigIntegerField(_("will pay"), null=True, blank=True)
    campaign_lifetime_support_cents = models.BigIntegerField(
        _("support so far"), null=True, blank=True
    )
    lifetime_support_cents = models.BigIntegerField(
        _("support so far, as it was once counted"), null=True, blank=True
    )
    pledge_cadence = models.PositiveIntegerField(_("months of a period"), null=True, blank=True)
    pledge_relationship_start = models.DateTimeField(_("member since"), null=True, blank=True)
    is_gifted = models.BooleanField(_("is a gift"), default=False)
    is_free_trial = models.BooleanField(_("is a free trial"), default=False)
    is_follower = models.BooleanField(_("is a follower"), default=False)

    blank_since = models.DateTimeField(
        _("nothing listed since"),
        null=True,
        blank=True,
        help_text=_("The first time that Patreon no longer listed what it had listed."),
    )
    remembered = models.JSONField(
        _("listed before"),
        null=True,
        blank=True,
        help_text=_("Tiers with prices, cents and months, as they were before that."),
    )
    declined_since = models.DateTimeField(
        _("declined since"),
        null=True,
        blank=True,
        help_text=_("The declined charge, or the first time that Patreon said it was declined."),
    )
    fetched_at = models.DateTimeField(_("as of"))
    seen_by = models.CharField(_("last told by"), max_length=8, choices=Source, blank=True)
    is_erased = models.BooleanField(
        _("erased"),
        default=False,
        help_text=_("Name, e-mail and note are not kept until the person signs in again."),
    )
    # The digest of the member in the campaign's list: if it is the same, nothing has changed.
    digest = models.CharField(max_length=32, blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        indexes: ClassVar = [
            models.Index(fields=["campaign", "patron_status"], name="patreon_member_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name or self.patreon_user_id or self.patreon_id}, {self.campaign}"

    @property
    def confirmed_at(self) -> datetime:
        """The newest moment for which this is known to hold: a complete sync of the campaign
        confirms all of its memberships without writing them."""
        synced_at = self.campaign.synced_at
        return self.fetched_at if synced_at is None else max(self.fetched_at, synced_at)
