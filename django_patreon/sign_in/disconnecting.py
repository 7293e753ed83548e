"""Taking Patreon off a user: one way for the person, the admin and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from social_django.utils import load_backend, load_strategy

from django_patreon.models import PatreonAccount

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["disconnect", "is_last_way_in"]

_KEEPS_A_WAY_IN = "social_core.pipeline.disconnect.allowed_to_disconnect"


def disconnect(request: HttpRequest | None, user: Any) -> None:
    """Take Patreon off a user: tokens, account and association, all or nothing.

    Raises social-auth's `AuthPolicyError` when it is the only way they have to sign in.
    """
    strategy = load_strategy(request)  # type: ignore[no-untyped-call]
    backend = load_backend(strategy, "patreon", redirect_uri=None)  # type: ignore[no-untyped-call]
    with transaction.atomic(using=router.db_for_write(PatreonAccount)):
        backend.disconnect_user(user)
        PatreonAccount.objects.filter(user=user.pk).delete()


def is_last_way_in(request: HttpRequest | None, user: Any) -> bool:
    """Return True if `disconnect` would refuse, since Patreon is the user's only way to sign in."""
    strategy = load_strategy(request)  # type: ignore[no-untyped-call]
    backend = load_backend(strategy, "patreon", redirect_uri=None)  # type: ignore[no-untyped-call]
    if _KEEPS_A_WAY_IN not in strategy.get_disconnect_pipeline(backend):
        return False
    return not strategy.storage.user.allowed_to_disconnect(user, "patreon")
