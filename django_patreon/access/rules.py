"""What a gate asks for, as a site writes it: names of tiers, or ids."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.functional import cached_property

from django_patreon.conf import patreon_settings
from django_patreon.entitlement import Requirement, TierFacts
from django_patreon.models import Tier, campaign_id_of, tier_id
from django_patreon.moments import to_aware

from .spelling import as_written, refuse_arguments

__all__ = ["Rule", "declared_rules", "near_tier", "rule_of"]

logger = logging.getLogger("django_patreon")

_DECLARED: dict[tuple[str, str | None, tuple[str, ...]], Rule] = {}
"""By place and names, without doubles: some views are decorated at every request."""


def declared_rules() -> list[tuple[str, Rule]]:
    """List the rules that name a tier or a campaign, with where their gate is: for the checks."""
    return [(where, rule) for (where, *_), rule in _DECLARED.items()]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The arguments of a gate. No argument: any paid support. All that is named must hold.

    Tiers are given as a `Tier`, as a name from `PATREON["TIERS"]`, or as Patreon's id. An argument
    that is None asks for nothing. An empty one closes the gate to everybody.

    Raises `TypeError` for an argument that is unknown, has no name or is of the wrong kind, and
    `ValueError` for a negative amount.
    """

    tier: Any = None
    """Hold this tier, or one of these: any collection."""
    at_least: Any = None
    """Hold this tier, or another tier or an amount that is worth as much a month."""
    cents: int | None = None
    """Pay this much a month, in cents of the campaign's currency."""
    lifetime_cents: int | None = None
    """Be a patron who has paid this much in all."""
    since: datetime | None = None
    """Have joined at this moment or earlier."""
    campaign: Any = None
    """A `Campaign` or its id; None: that of the `Tier` named, if it is one, or the site's own."""

    if not TYPE_CHECKING:  # type checkers read the columns above

        def __new__(cls, *unnamed: Any, **named: Any) -> Rule:
            refuse_arguments(unnamed, named)
            return super().__new__(cls)

    def __post_init__(self) -> None:
        for name in ("cents", "lifetime_cents"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise TypeError(f"{name} must be a whole number of cents, not {value!r}.")
            if value is not None and value < 0:
                raise ValueError(f"{name} must be 0 cents or more, not {value}.")
        if self.since is not None and not isinstance(self.since, datetime):
            raise TypeError("since must be a datetime.")
        many = self.tier
        if isinstance(many, Collection) and not isinstance(many, (str, bytes)):
            # A sorted copy: the collection that was given may change, or have another order.
            ordered = sorted(many, key=str) if isinstance(many, Set) else many
            object.__setattr__(self, "tier", tuple(ordered))
        for each in self.named_tiers:
            if not isinstance(each, (str, int, Tier)):
                raise TypeError("A tier is given as a Tier, a name from PATREON['TIERS'] or an id.")

    def declare(self, where: str) -> Rule:
        """Register the rule for the system checks."""
        named = tuple(str(getattr(each, "patreon_id", each)) for each in self.named_tiers)
        if named or self.campaign is not None:
            _DECLARED.setdefault((where, self.campaign_id, named), self)
        return self

    @property
    def tiers(self) -> tuple[Any, ...]:
        if self.tier is None:
            return ()
        return self.tier if isinstance(self.tier, tuple) else (self.tier,)

    @property
    def named_tiers(self) -> tuple[Any, ...]:
        """All tiers that the rule names, as they were given."""
        return self.tiers if self.at_least is None else (*self.tiers, self.at_least)

    @cached_property
    def campaign_id(self) -> str | None:
        """Patreon's id of the campaign that the rule names, or whose `Tier` it names."""
        if self.campaign is not None:
            return campaign_id_of(self.campaign)
        found = {
            each.campaign_id for each in (*self.tiers, self.at_least) if isinstance(each, Tier)
        }
        return found.pop() if len(found) == 1 else None

    def key(self) -> tuple[Any, ...]:
        """A key that is equal for equal rules while the settings stay the same, for the memory of
        decisions."""
        since = _aware(self.since)
        # To Python two moments of one zone are equal though one is an hour later (`fold`).
        return self._named if since is None else (*self._named, since, since.utcoffset())

    @cached_property
    def _named(self) -> tuple[Any, ...]:
        tiers = None if self.tier is None else tuple(_facts(each) for each in self.tiers)
        at_least = None if self.at_least is None else _facts(self.at_least)
        return tiers, at_least, self.cents, self.lifetime_cents, self.campaign_id

    @property
    def unknown_tiers(self) -> list[str]:
        """Names that are neither in `PATREON["TIERS"]` nor ids."""
        return [str(each) for each in self.named_tiers if tier_id(each) is None]

    def requirement(self, prices: Mapping[str, int | None], campaign_id: str | None) -> Requirement:
        """Return what the rule asks for, in ids; `prices` are of the campaign's known tiers.

        An unknown tier closes the gate to everybody.
        """
        at_least = None if self.at_least is None else _id_or_warning(self.at_least)
        asked = None
        if self.tier is not None:
            asked = frozenset(
                key for each in self.tiers if (key := _id_or_warning(each)) is not None
            )
        if self.at_least is not None and at_least is None:
            asked = frozenset()
        price = None
        if at_least is not None:
            mine = isinstance(self.at_least, Tier) and self.at_least.campaign_id == campaign_id
            price = prices.get(at_least, self.at_least.amount_cents if mine else None)
        return Requirement(
            tiers=asked,
            at_least=None if at_least is None else TierFacts(at_least, price),
            cents=self.cents,
            lifetime_cents=self.lifetime_cents,
            since=_aware(self.since),
        )


def rule_of(given: Any, where: str) -> Rule:
    """Return the `Rule` that a site has written as a dict: `{"tier": "gold"}`.

    Raises `TypeError` for anything else; `where` says what is wrong, such as "Page.patron_rule".
    """
    if isinstance(given, Rule):
        return given
    if not isinstance(given, Mapping):
        if hasattr(given, "close") and hasattr(given, "cr_code"):
            given.close()  # otherwise Python warns that it was never awaited
        meant = f'{{"tier": {as_written(given)}}}' if isinstance(given, str) else '{"tier": "gold"}'
        raise TypeError(
            f"{where} must be a dict such as {meant}, not {type(given).__name__}."
            " A rule that depends on the request is returned by the method get_patron_rule."
        )
    try:
        return Rule(**given)
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from None


def _facts(named: Any) -> Any:
    if isinstance(named, Tier):
        return named.patreon_id, named.campaign_id, named.amount_cents
    return str(named)


def _id_or_warning(named: Any) -> str | None:
    found = tier_id(named)
    if found is None and named != "":
        _warn_of(str(named)[:100])
    return found


@lru_cache(maxsize=100)
def _warn_of(name: str) -> None:
    """Log an unknown tier once. The checks see only the rules of views and URLs."""
    logger.warning(
        "A rule names the tier %r, which nobody knows: it opens to nobody. %s",
        name,
        near_tier(name),
    )


def near_tier(name: str) -> str:
    """Return a hint with the tier that an unknown name may stand for."""
    known = patreon_settings().TIERS
    near = get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    others = f" Known: {', '.join(known)}." if known else ""
    return f"Name it in PATREON['TIERS'], or use its id.{others}"


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else to_aware(moment)
