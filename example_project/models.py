from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models

from django_patreon.access import PatronGated

__all__ = ["Article", "PodcastAddress"]


def new_key() -> str:
    return secrets.token_urlsafe(24)


class Article(PatronGated):
    """One article of the magazine. The three columns of `PatronGated` say who may read it."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    teaser = models.CharField(max_length=300)
    """What everybody may read."""
    body = models.TextField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.title


class PodcastAddress(models.Model):
    """The private address of somebody's podcast feed. A new key ends the old address."""

    user: Any = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=64, unique=True, default=new_key)

    def __str__(self) -> str:
        return f"Podcast address {self.pk}"
