"""The articles of the magazine."""

from __future__ import annotations

from datetime import UTC, datetime

from django_patreon.models import Tier
from example_project.models import Article

__all__ = ["seed"]

GOLD = "9100003"
FOUNDED = datetime(2020, 1, 1, tzinfo=UTC)


def seed() -> None:
    """Write the articles. Run it again after the first sync: an article for one tier is written
    once the tier is known, and never without it, since it would be open to every patron."""
    _write(
        "lamp-oil",
        "What lamp oil costs",
        "A year of bills, and one that came twice.",
        "Eleven barrels, if the winter is kind. The twelfth is for the guests.",
        public_from=FOUNDED,
    )
    _write(
        "night-shift",
        "The night shift",
        "Who relieves the keeper when the keeper sleeps?",
        "Nobody does. The keeper sleeps in the afternoon, with the window open.",
    )
    gold = Tier.objects.filter(patreon_id=GOLD).first()
    if gold is not None:
        _write(
            "the-map",
            "The map under the stairs",
            "It shows the coast, and a harbour that is not there.",
            "The harbour is there at the spring tide, for an hour.",
            required_tier=gold,
        )


def _write(slug: str, title: str, teaser: str, body: str, **who: datetime | Tier) -> None:
    words = {"title": title, "teaser": teaser, "body": body}
    Article.objects.update_or_create(slug=slug, defaults=words | who)
