from __future__ import annotations

from django.db import models

from django_patreon.access import PatronGated


class Story(PatronGated):
    title = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.title
