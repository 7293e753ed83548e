"""The steps we add to social-auth's pipeline, and the pipeline that has them."""

from __future__ import annotations

import logging
import unicodedata
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from social_core.exceptions import AuthAssociationError, AuthPolicyError
from social_core.pipeline import social_auth
from social_core.pipeline.user import user_details as stock_user_details

from . import sync, tokens
from .associations import AccountTaken, move_account
from .columns import fit
from .conf import patreon_settings
from .models import PatreonAccount
from .resources import Identity, MalformedDocument, parse_identity
from .sign_in_tokens import open_grant
from .signals import account_linked

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from social_core.backends.base import BaseAuth

__all__ = [
    "AlreadyLinked",
    "associate_by_email",
    "hold_identity",
    "require_email",
    "save_account",
    "user_details",
    "uses_django_users",
    "write_profile",
]

logger = logging.getLogger("django_patreon")


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
    account = _account_of(
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


def uses_django_users(backend: BaseAuth[object]) -> bool:
    """Does this strategy keep its users in Django? A strategy of another framework does not."""
    storage: Any = backend.strategy.storage.user
    try:
        return bool(storage.user_model() is get_user_model())
    except NotImplementedError:
        return False


def hold_identity(response: dict[str, Any]) -> None:
    """Begin a sign-in's transaction with a write, which waits for other sign-ins of the person.

    It locks the account's row. On SQLite, where one writes at a time, it takes that lock before
    anything is read: a transaction that reads first is thrown out when somebody else has written.
    """
    PatreonAccount.objects.filter(patreon_id=response.get("id")).update(patreon_id=F("patreon_id"))


def _account_of(
    backend: BaseAuth[object],
    user: AbstractBaseUser,
    patreon_id: str,
    *,
    is_new_user: bool,
    is_known: bool,
) -> PatreonAccount:
    """Return the account of this person, or a new one.

    `is_known`: social-auth had an association before this sign-in, and found the user by it. The
    account follows it when somebody has moved it in the database.
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
    """Set what Patreon says of the person, and that they were here; return the fields' names."""
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
