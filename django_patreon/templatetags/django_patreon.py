"""`{% load django_patreon %}`: the tags of `{% load patreon %}`, under a name that is surely ours.

A site may have a tag library called `patreon`. Our own templates load this one.
"""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch

from django_patreon.access.words import amount_in_words
from django_patreon.own_urls import own_url

from . import patreon

register = template.Library()
register.tags.update(patreon.register.tags)
register.filters.update(patreon.register.filters)


@register.simple_tag
def patreon_url(name: str) -> str:
    """Return the address of one of our pages; "" where the site has not included our URLs."""
    try:
        return own_url(name)
    except NoReverseMatch:
        return ""


@register.filter
def patreon_amount(cents: int | None, currency: str = "") -> str:
    """Return cents as "5 EUR": `{{ tier.amount_cents|patreon_amount:currency }}`; "" for None."""
    return "" if cents is None else amount_in_words(cents, currency)
