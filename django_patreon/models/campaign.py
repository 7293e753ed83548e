"""Campaign and Tier: what there is to be a patron of."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_patreon.conf import patreon_settings

from .account import PatreonAccount

__all__ = [
    "Campaign",
    "Tier",
    "campaign_id_of",
    "checkout_address",
    "page_address",
    "tier_id",
]


def tier_id(named: Any) -> str | None:
    """Return Patreon's id of a tier, given as a `Tier`, a name from `PATREON["TIERS"]`, or an id.

    None for any other text. Ids are digits (observed). A title is not accepted: it may change on
    Patreon at any time (T13).
    """
    if isinstance(named, Tier):
        return named.patreon_id
    text = str(named)
    found = patreon_settings().TIERS.get(text)
    return found if found is not None else (text if text.isdecimal() else None)


def campaign_id_of(campaign: Any) -> str:
    """Return Patreon's id of a campaign, given as a Campaign or an id."""
    return campaign.patreon_id if isinstance(campaign, Campaign) else str(campaign)


class Campaign(models.Model):
    """A creator's page, this site's own or another that somebody here is a member of."""

    patreon_id = models.CharField(_("Patreon id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=255, blank=True)
    vanity = models.CharField(_("vanity"), max_length=255, blank=True)
    url = models.TextField(_("page on Patreon"), blank=True)
    pledge_url = models.TextField(_("where one joins"), blank=True)
    currency = models.CharField(
        _("currency"), max_length=8, blank=True, help_text=_("Of all amounts of this campaign.")
    )
    is_monthly = models.BooleanField(_("charges monthly"), null=True)
    creator = models.ForeignKey(
        PatreonAccount,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="campaigns",
        verbose_name=_("creator"),
    )
    is_ours = models.BooleanField(
        _("is ours"),
        default=False,
        db_index=True,
        help_text=_("This site acts for it: it owns our client, or its creator lets us read it."),
    )
    is_claimed = models.BooleanField(
        default=False,
        editable=False,
        help_text=_("Ours on the word of its creator, until something better is known."),
    )
    fetched_at = models.DateTimeField(_("as of"))
    synced_at = models.DateTimeField(
        _("all members as of"),
        null=True,
        blank=True,
        help_text=_("When the last sync began that read all members."),
    )

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")

    def __str__(self) -> str:
        return self.name or self.vanity or self.patreon_id


class TierQuerySet(models.QuerySet["Tier"]):
    def paid(self) -> TierQuerySet:
        """Keep the tiers that cost something; every campaign has a free one, too (observed)."""
        return self.filter(amount_cents__gt=0)


class Tier(models.Model):
    """A tier of a campaign. Rules use its id, so renaming it on Patreon changes nothing (T13)."""

    patreon_id = models.CharField(_("Patreon id"), max_length=64, unique=True)
    # The foreign keys use Patreon's ids, so that gates need no join to know them.
    campaign = models.ForeignKey(
        Campaign,
        to_field="patreon_id",
        on_delete=models.CASCADE,
        related_name="tiers",
        verbose_name=_("campaign"),
    )
    title = models.CharField(_("title"), max_length=255, blank=True)
    amount_cents = models.BigIntegerField(
        _("cents a month"), null=True, blank=True, help_text=_("In the campaign's currency.")
    )
    published = models.BooleanField(_("published"), null=True)
    url = models.TextField(_("where one joins"), blank=True)
    fetched_at = models.DateTimeField(_("as of"))

    objects = TierQuerySet.as_manager()

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering: ClassVar = ["amount_cents", "patreon_id"]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "amount_cents"], name="patreon_tier_by_amount")
        ]

    def __str__(self) -> str:
        return self.title or self.patreon_id

    @property
    def checkout_url(self) -> str:
        return checkout_address(self.url, campaign_id=self.campaign_id, tier_id=self.patreon_id)


def checkout_address(url: str, *, campaign_id: str, tier_id: str) -> str:
    """Return the address on Patreon where one joins at a tier."""
    return page_address(url or f"/checkout/{campaign_id}?rid={tier_id}")


def page_address(url: str) -> str:
    """Return the address of a page on Patreon; of its front page for "" and an invalid address.

    Patreon documents a full address and sends a path (observed). Only the path is used, so the
    link always leads to Patreon.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as "http://["
        parts = urlsplit("")
    query = f"?{parts.query}" if parts.query else ""
    return f"{patreon_settings().browser_url}/{parts.path.lstrip('/')}{query}"
