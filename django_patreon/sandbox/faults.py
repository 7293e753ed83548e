"""The old place of `Fault`, until all tests import it from `django_patreon.sandbox`."""

from .web.faults import FAULTS, Fault

__all__ = ["FAULTS", "Fault"]
