"""The steps that we add to social-auth's pipeline; `backends.PIPELINE` lists them all."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone
from social_core.exceptions import AuthAssociationError, AuthPolicyError
from social_core.pipeline import social_auth
from social_core.pipeline.user import user_details as stock_user_details

from . import sync, tokens
from .conf import patreon_settings
from .models import PatreonAccount
from .resources import Identity, MalformedDocument, parse_identity
from .sign_in.accounts import account_of, uses_django_users, write_profile
from .sign_in.grants import open_grant
from .signals import account_linked

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from social_core.backends.base import BaseAuth

__all__ = ["associate_by_email", "require_email", "save_account", "user_details"]


def associate_by_email(
    backend: BaseAuth[object],
    details: dict[str, Any],
    user: Any = None,
    *args: Any,
    **kwargs: Any,
) -> dict[str, Any] | None:
    """Join a first sign-in to the local user who has the same address, where that is safe.

    Takes the place of social-auth's step of the same name. For other providers it is that step. For
    Patreon it does nothing unless the site set `LINK_VERIFIED_EMAIL`; then it joins only when
    Patreon says that the address is verified, exactly one active local user has it, and that
    user has no Patreon identity yet. Otherwise the person gets a user of their own.
    """
    if backend.name != "patreon":
        found: dict[str, Any] | None = social_auth.associate_by_email(
            backend, details, user, *args, **kwargs
        )
        return found
    if user or not patreon_settings().LINK_VERIFIED_EMAIL:
        return None
    # `details` may hold an address that the visitor typed into a form of the site's own.
    address = _verified_address(kwargs.get("response"))
    if not address:
        return None
    storage: Any = backend.strategy.storage.user
    field = getattr(storage.user_model(), "EMAIL_FIELD", "email")
    matches = [
        each
        for each in _where_written(storage.get_users_by_email(address))
        # Databases fold more than case: some take a dotless i for an i, which is another mailbox.
        if _folded(getattr(each, field)) == _folded(address)
    ]
    if len(matches) != 1:
        return None
    if _where_written(storage.get_social_auth_for_user(matches[0], backend.name)):
        return None
    return {"user": matches[0], "is_new": False}


def _where_written(found: Any) -> Any:
    """Ask the database that the rows are written to: a replica may not know them yet.

    What the storage of another framework returns is left alone.
    """
    is_queryset = isinstance(found, QuerySet)
    return found.using(router.db_for_write(found.model)) if is_queryset else found


def _verified_address(response: dict[str, Any] | None) -> str | None:
    """Return the address that Patreon's answer calls verified; None where there is none."""
    try:
        return parse_identity({"data": response, "included": []}).user.verified_email
    except MalformedDocument:
        return None


def require_email(
    backend: BaseAuth[object],
    details: dict[str, Any],
    user: Any = None,
    *args: Any,
    **kwargs: Any,
) -> None:
    """Refuse to make a user without an address on a site that knows its users by theirs.

    Patreon gives none for some people, and one that is not verified counts as none. Raises
    `AuthPolicyError`, and `AuthAssociationError` when somebody here has the address already.
    """
    if backend.name != "patreon" or user or not uses_django_users(backend):
        return
    model: Any = get_user_model()
    if model.get_email_field_name() != model.USERNAME_FIELD:
        return
    storage: Any = backend.strategy.storage.user
    address = details.get("email")
    if not address:
        raise AuthPolicyError(backend, code="email_required", stage="pipeline")
    if list(_where_written(storage.get_users_by_email(address))):
        raise AuthAssociationError(backend, code="email_in_use", stage="pipeline")


def user_details(
    strategy: Any, details: dict[str, Any], backend: BaseAuth[object], *args: Any, **kwargs: Any
) -> None:
    """Copy the names that Patreon knows to a new user; names of an existing user stay theirs.

    Takes the place of social-auth's step of the same name. For other providers it is that step.
    """
    if backend.name != "patreon" or kwargs.get("is_new"):
        stock_user_details(strategy, details, backend, *args, **kwargs)


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", address).casefold()


def save_account(
    backend: BaseAuth[object],
    uid: str,
    response: dict[str, Any],
    user: AbstractBaseUser | None = None,
    *args: Any,
    **kwargs: Any,
) -> dict[str, Any] | None:
    """Keep the person's Patreon account: profile, tokens, stamps, memberships.

    Raises `AlreadyLinked` when the user has another Patreon identity, and social-auth's
    `AuthAssociationError` when the identity belongs to another user.
    """
    if backend.name != "patreon" or user is None or not uses_django_users(backend):
        return None
    ours: Any = backend
    identity: Identity = ours.identity_of(response)
    account = account_of(
        backend,
        user,
        identity.user.id,
        is_new_user=bool(kwargs.get("is_new")),
        is_known=kwargs.get("social") is not None and not kwargs.get("new_association"),
    )
    is_new = account._state.adding
    written = write_profile(account, identity)
    grant = open_grant(response)
    tokens.store(account, grant, also=written)
    sync.save_identity(
        identity,
        account=account,
        scopes=grant.scopes,
        fetched_at=_fetched_at(response),
        asked=ours.get_scope(),
    )
    if is_new:
        transaction.on_commit(
            partial(account_linked.send_robust, sender=PatreonAccount, account=account, user=user),
            using=router.db_for_write(PatreonAccount),
        )
    return {"patreon_account": account}


def _fetched_at(response: dict[str, Any]) -> datetime:
    """Say when Patreon was asked: a pipeline that a step interrupts may go on much later."""
    stamp = response.get("patreon_fetched_at")
    return datetime.fromisoformat(stamp) if stamp else timezone.now()
