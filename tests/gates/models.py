from __future__ import annotations

from django.db import models

from django_patreon.access import PatronGated
from django_patreon.models import Campaign


class Story(PatronGated):
    title = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.title


class Show(models.Model):
    """What a creator makes, on a site for many."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.campaign)


class Episode(PatronGated):
    campaign_lookup = "show__campaign"

    show = models.ForeignKey(Show, on_delete=models.CASCADE, null=True)

    def __str__(self) -> str:
        return str(self.show)
