"""The old place of `SCOPES`, until all tests import it from `django_patreon.sandbox`."""

from .oauth.tokens import SCOPES

__all__ = ["SCOPES"]
