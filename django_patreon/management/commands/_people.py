from __future__ import annotations

from django.core.management.base import CommandError

from django_patreon.models import Membership

__all__ = ["nobody"]


def nobody(patreon_id: str) -> CommandError:
    """Return the error for an id about which nothing is kept."""
    said = f"Nothing is kept about a person with the Patreon id {patreon_id!r}."
    row = Membership.objects.filter(patreon_id=patreon_id).first()
    if row is not None:
        return CommandError(
            f"{said} It is the id of a membership; that of its person is"
            f" {row.patreon_user_id or 'not known'}."
        )
    return CommandError(
        f"{said} The admin shows the id of a person on their Patreon account and on their"
        " memberships."
    )
