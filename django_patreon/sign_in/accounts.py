"""The `PatreonAccount` of the person who signs in: found or made, locked, and given its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from social_core.exceptions import AuthAssociationError

from django_patreon.columns import fit
from django_patreon.conf import patreon_settings
from django_patreon.models import PatreonAccount
from django_patreon.resources import Identity

from .associations import AccountTaken, move_account

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from social_core.backends.base import BaseAuth

__all__ = ["AlreadyLinked", "account_of", "hold_identity", "uses_django_users", "write_profile"]


class AlreadyLinked(AuthAssociationError):
    """The signed-in user already has another Patreon identity."""

    default_code = "identity_in_use"

    def __str__(self) -> str:
        return str(
            _(
                "Your account here is already connected to a different Patreon account."
                " Disconnect that one first."
            )
        )


def uses_django_users(backend: BaseAuth[object]) -> bool:
    """Return True if the strategy keeps its users in Django; one of another framework does not."""
    storage: Any = backend.strategy.storage.user
    try:
        return bool(storage.user_model() is get_user_model())
    except NotImplementedError:
        return False


def hold_identity(response: dict[str, Any]) -> None:
    """Begin a sign-in's transaction with a write, which waits for other sign-ins of the person.

    It locks the account's row. On SQLite, which has one writer at a time, it takes the write lock
    before anything is read: a transaction that reads first fails if another one has written since.
    """
    PatreonAccount.objects.filter(patreon_id=response.get("id")).update(patreon_id=F("patreon_id"))


def account_of(
    backend: BaseAuth[object],
    user: AbstractBaseUser,
    patreon_id: str,
    *,
    is_new_user: bool,
    is_known: bool,
) -> PatreonAccount:
    """Return the account of this person, or a new one that is not saved yet.

    `is_known` is True if social-auth found the user by an association that was there before. If
    somebody has moved that association to another user, the account is moved, too.
    Raises `AlreadyLinked` when the user has another Patreon identity, and social-auth's
    `AuthAssociationError` when the identity belongs to another user.
    """
    taken = None
    for account in PatreonAccount.objects.select_for_update().filter(patreon_id=patreon_id):
        if account.user_id == user.pk:
            return account
        taken = account
    if taken is not None and is_known:
        try:
            move_account(taken, user)
        except AccountTaken:
            raise AlreadyLinked(backend, stage="pipeline") from None
        return taken
    if taken is not None:
        raise AuthAssociationError(backend, code="identity_in_use", stage="pipeline")
    using = router.db_for_write(PatreonAccount)  # a replica may not have it yet
    others = PatreonAccount.objects.using(using).filter(user_id=user.pk)
    if not is_new_user and others.exists():
        raise AlreadyLinked(backend, stage="pipeline")
    return PatreonAccount(user_id=user.pk, patreon_id=patreon_id)


def write_profile(account: PatreonAccount, identity: Identity) -> list[str]:
    """Set the profile that Patreon gives, and the time of the sign-in. Return the fields' names.

    Nothing is saved.
    """
    person = identity.user
    told = {
        "full_name": person.full_name,
        "vanity": person.vanity,
        "email": person.verified_email if patreon_settings().STORE_EMAIL else "",
        "image_url": _web_address(person.image_url),
        "url": _web_address(person.url),
    }
    profile = {name: value or "" for name, value in fit(PatreonAccount, told).items()}
    profile["last_sign_in_at"] = timezone.now()
    for name, value in profile.items():
        setattr(account, name, value)
    return list(profile)


def _web_address(value: str | None) -> str:
    """Keep what a browser may follow; `javascript:` and the like are dropped."""
    return value if value and value.startswith(("https://", "http://")) else ""
