"""A storage of social-auth with associations of the site's own."""

from __future__ import annotations

from social_django.models import DjangoStorage

from .models import OwnAssociation


class Storage(DjangoStorage):
    user = OwnAssociation
