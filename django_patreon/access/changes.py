"""A request that changes what its own gates depend on asks anew afterwards."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save

from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.signals import account_reconnect_needed, account_reconnected

from .current import current_request
from .patron import patron_of

__all__ = ["listen"]


def listen() -> None:
    """Let a request that writes what gates depend on read it again afterwards."""
    for model in (PatreonAccount, Campaign, Tier, Membership, Grant):
        for signal in (post_save, post_delete):
            signal.connect(_forget, sender=model, dispatch_uid="django_patreon.access")
    m2m_changed.connect(
        _forget, sender=Membership.tiers.through, dispatch_uid="django_patreon.access"
    )
    for news in (account_reconnect_needed, account_reconnected):  # written as no row is saved
        news.connect(_forget, dispatch_uid="django_patreon.access")


def _forget(using: str | None = None, **kwargs: Any) -> None:
    request = current_request()
    if request is not None:
        patron_of(request).forget(using)
