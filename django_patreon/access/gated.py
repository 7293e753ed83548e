"""PatronGated: rows that say themselves who may see them, and a filter that obeys them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any, ClassVar, Self

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_patreon.entitlement import (
    Decision,
    Reason,
    Requirement,
    Standing,
    TierFacts,
    standings,
    unmet,
)
from django_patreon.models import Tier, campaign_id_of
from django_patreon.moments import now, to_aware

from .check_user import patron_for
from .current import explain_async_error
from .loading import Known, KnownTier
from .patron import Patron
from .rules import Rule
from .tier_field import TierField, tiers_of_the_site

__all__ = ["PatronGated", "PatronGatedQuerySet"]

_NO_CAMPAIGN = "no campaign in particular"


class PatronGatedQuerySet(models.QuerySet[Any]):
    @explain_async_error
    def visible_to(self, user: Any, *, campaign: Any = None) -> Self:
        """Keep the rows that `user` may see: those whose `decision_for(user)` says yes.

        `campaign` (a `Campaign` or its id) is used for rows without a campaign of their own: those
        that name no tier, and whose `campaign_lookup` is missing or leads to none. None stands for
        the site's campaign.

        The rows are filtered in the database, by one query. Reading what is known of the user takes
        one more, unless this request has done it before.
        """
        found = Q(public_from__lte=timezone.now())
        patron = patron_for(user)
        patron.mark_asked()
        if not patron.is_somebody:
            return self.filter(found)
        campaigns = _of_interest(patron.known)
        found |= _with_a_tier(patron, campaigns)
        for rows, whose in self._by_campaign(campaigns, campaign):
            for standing in standings(patron.facts(whose)):
                if standing.pays or standing.everything:
                    found |= Q(required_tier=None) & rows & _up_to(_cents(standing))
        return self.filter(found)

    def _by_campaign(self, known: list[str], otherwise: Any) -> Iterator[tuple[Q, str | None]]:
        """Yield a filter and a campaign id for the rows of each known campaign, and for all
        others."""
        lookup = self.model.campaign_lookup
        if lookup is None:
            yield Q(), _id_of(otherwise)
            return
        for key in known:
            yield Q(**{f"{lookup}__patreon_id": key}), key
        others = ~Q(**{f"{lookup}__patreon_id__in": known})
        yield others & Q(**{f"{lookup}__isnull": False}), _NO_CAMPAIGN
        yield Q(**{f"{lookup}__isnull": True}), _id_of(otherwise)


def _of_interest(known: Known) -> list[str]:
    """Return the ids of the campaigns of which the person may have something."""
    found = {each.campaign_id for each in known.grants}
    found |= {each.campaign_id for each in known.memberships}
    found |= {*known.campaigns, *known.own_campaigns, known.default_campaign}
    return sorted(each for each in found if each is not None)


def _with_a_tier(patron: Patron, campaigns: list[str]) -> Q:
    """Match the rows whose tier the person reaches, and whose amount they pay."""
    known, found = patron.known, Q()
    # With the keys of tiers written out, the database can use its indexes. They are few.
    keys: dict[int, float] = {}
    for campaign in campaigns:
        for standing in standings(patron.facts(campaign)):
            if campaign not in known.campaigns:
                tiers = Tier.objects.filter(campaign_id=campaign)
                found |= Q(required_tier__in=_reached(tiers, standing)) & _up_to(_cents(standing))
                continue
            for tier in known.tiers.values():
                if tier.campaign_id == campaign and _reaches(standing, tier):
                    keys[tier.pk] = max(keys.get(tier.pk, -1), _cents(standing))
    for cents in sorted({*keys.values()}):
        reached = sorted(key for key, most in keys.items() if most == cents)
        found |= Q(required_tier__in=reached) & _up_to(cents)
    # A pass for all campaigns, and the bypass of staff.
    elsewhere = Tier.objects.exclude(campaign_id__in=campaigns)
    for standing in standings(patron.facts(_NO_CAMPAIGN)):
        found |= Q(required_tier__in=_reached(elsewhere, standing)) & _up_to(_cents(standing))
    return found


def _id_of(campaign: Any) -> str | None:
    return None if campaign is None else campaign_id_of(campaign)


def _reaches(standing: Standing, tier: KnownTier) -> bool:
    """Return True if the standing is worth at least this tier."""
    asked = Requirement(at_least=TierFacts(tier.id, tier.amount_cents))
    return unmet(asked, standing) is None


def _reached(tiers: models.QuerySet[Tier], standing: Standing) -> models.QuerySet[Tier, Any]:
    """Keep the tiers that the standing reaches: `_reaches` in SQL, for tiers that are not
    loaded."""
    if not standing.everything:
        worth = Q(patreon_id__in=standing.tier_ids) | Q(
            amount_cents__gt=0, amount_cents__lte=standing.monthly_cents
        )
        if standing.pays or standing.tier_ids:
            worth |= Q(amount_cents__lte=0)
        tiers = tiers.filter(worth)
    return tiers.order_by().values("pk")


def _cents(standing: Standing) -> float:
    """Return the most cents a month that a row may ask for; -1 if not even any support is given."""
    if standing.everything:
        return inf
    return standing.monthly_cents if standing.pays else -1


def _up_to(cents: float) -> Q:
    if cents == inf:
        return Q()
    return Q(min_cents=None) if cents < 0 else Q(min_cents=None) | Q(min_cents__lte=cents)


class PatronGated(models.Model):
    """A row for patrons: any support is enough, unless it asks for a tier or for an amount.

    A row that names a tier belongs to that tier's campaign. On a site for many creators,
    `campaign_lookup` leads from the other rows to their campaign.
    """

    campaign_lookup: ClassVar[str | None] = None
    """The foreign keys from a row to its `Campaign`, as in a filter: "campaign",
    "author__campaign".
    With `select_related` of the same, `decision_for` needs no query for each row."""

    required_tier = TierField(
        Tier,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("for tier"),
        help_text=_("This tier or whatever is worth as much. Empty: any support."),
    )
    min_cents = models.PositiveIntegerField(
        _("for a pledge of"), null=True, blank=True, db_index=True, help_text=_("Cents a month.")
    )
    public_from = models.DateTimeField(
        _("for everybody from"), null=True, blank=True, db_index=True
    )

    objects = PatronGatedQuerySet.as_manager()

    class Meta:
        abstract = True

    def decision_for(self, user: Any, *, campaign: Any = None) -> Decision:
        """Say whether `user` may see this row, and why. `campaign`: as for `visible_to`.

        For somebody who is not signed in nothing is read from the database. Then `needs` is None,
        unless the row's tier is loaded already (`select_related("required_tier")`).
        """
        opens_at = self.public_from
        moment = now()
        if opens_at is not None:
            opens_at = to_aware(opens_at)
        if opens_at is not None and opens_at <= moment:
            return Decision(allowed=True, reason=Reason.PUBLIC)
        patron = patron_for(user)
        if patron.is_somebody:
            decision = patron.decide(self._rule(patron, campaign))
        else:
            decision = self._decision_for_nobody(patron)
        if decision.allowed or opens_at is None:
            return decision
        return replace(decision, until=_earlier(decision.until, opens_at))

    def _decision_for_nobody(self, patron: Patron) -> Decision:
        """Return the decision for a visitor who is signed out, without a query."""
        tier = None if self._is_tier_unread() else self.required_tier
        whose = None if tier is None else tier.campaign_id
        decision = patron.decide(Rule(at_least=tier, cents=self.min_cents, campaign=whose))
        return replace(decision, needs=None) if self._is_tier_unread() else decision

    @property
    def _tier_key(self) -> Any:
        field: Any = self._meta.get_field("required_tier")
        return getattr(self, field.attname)

    def _is_tier_unread(self) -> bool:
        field: Any = self._meta.get_field("required_tier")
        return self._tier_key is not None and not field.is_cached(self)

    def _rule(self, patron: Patron, campaign: Any) -> Rule:
        """Return the rule of this row. A tier that the patron's query has brought is not read
        again."""
        if self._is_tier_unread():
            tier = patron.tier_by_key(self._tier_key)
            if tier is not None:
                return Rule(at_least=tier.id, cents=self.min_cents, campaign=tier.campaign_id)
        if self.required_tier is not None:
            campaign = self.required_tier.campaign_id
        else:
            campaign = self._own_campaign() or campaign
        return Rule(at_least=self.required_tier, cents=self.min_cents, campaign=campaign)

    def clean_fields(self, exclude: Any = None) -> None:
        """Refuse a tier of another campaign, too, in every form and in `full_clean()`."""
        faults: dict[str, Any] = {}
        try:
            super().clean_fields(exclude=exclude)
        except ValidationError as error:
            faults = error.update_error_dict(faults)
        found = self._fault_of_the_tier()
        if found is not None:
            # A form without that field can only show the error for the whole row.
            place = NON_FIELD_ERRORS if "required_tier" in (exclude or ()) else "required_tier"
            faults[place] = [found]
        if faults:
            raise ValidationError(faults)

    def _fault_of_the_tier(self) -> ValidationError | None:
        tier = Tier.objects.filter(pk=self._tier_key).select_related("campaign").first()
        if tier is None:
            return None
        own = self.own_campaign_id()
        names = {"tier": str(tier), "campaign": str(tier.campaign)}
        if own is not None and tier.campaign_id != own:
            message = _(
                "%(tier)s is a tier of %(campaign)s, which is another campaign than the one this"
                " is about."
            )
            return ValidationError(message, "another_campaign", names)
        if own is None and not Tier.objects.filter(tiers_of_the_site(self), pk=tier.pk).exists():
            message = _(
                "%(tier)s is a tier of %(campaign)s, and this site does not act for that campaign."
            )
            return ValidationError(message, "foreign_campaign", names)
        return None

    def own_campaign_id(self) -> str | None:
        """Return Patreon's id of the campaign that `campaign_lookup` leads to; None if to none."""
        try:
            return _id_of(self._own_campaign())
        except ObjectDoesNotExist:  # a required foreign key that is not filled in yet
            return None

    def campaign_id_for_gate(self, otherwise: Any = None) -> str | None:
        """Return Patreon's id of the row's campaign; None for the site's own."""
        if self.required_tier is not None:
            return str(self.required_tier.campaign_id)
        return _id_of(self._own_campaign() or otherwise)

    def _own_campaign(self) -> Any:
        if self.campaign_lookup is None:
            return None
        found: Any = self
        for name in self.campaign_lookup.split("__"):
            found = None if found is None else getattr(found, name)
        return found


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
