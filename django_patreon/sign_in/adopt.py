"""Connect a user by tokens that an operator has brought, as their own sign-in would."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.utils import timezone
from social_django.utils import load_backend, load_strategy

from django_patreon import sync, tokens
from django_patreon.api import TokenGrant
from django_patreon.models import PatreonAccount
from django_patreon.resources import parse_identity
from django_patreon.signals import account_linked

from .accounts import hold_identity, write_profile
from .associations import AccountTaken, association_model

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

__all__ = ["AccountTaken", "adopt"]

EMAIL = "identity[email]"


def adopt(
    user: AbstractBaseUser,
    document: dict[str, Any],
    grant: TokenGrant,
    *,
    fetched_at: datetime | None = None,
) -> PatreonAccount:
    """Connect a user to the person of an identity document, as their own sign-in would.

    Only for tokens that an operator has brought: the campaign that they have rights over becomes
    this site's. `fetched_at` is when Patreon was asked; None: now. Raises `AccountTaken`, and
    `CampaignNotChosen` where their campaign would be a second one of this site's.
    """
    identity = parse_identity(document)
    patreon_id = identity.user.id
    using = router.db_for_write(PatreonAccount)
    with transaction.atomic(using=using):
        hold_identity({"id": patreon_id})
        known = PatreonAccount.objects.using(using).filter(patreon_id=patreon_id).first()
        account = known or PatreonAccount(user_id=user.pk, patreon_id=patreon_id)
        if account.user_id != user.pk:
            raise AccountTaken("this Patreon account is connected to another user.")
        if known is None and PatreonAccount.objects.using(using).filter(user_id=user.pk).exists():
            raise AccountTaken("the user is connected to another Patreon account.")
        association, _created = association_model().objects.get_or_create(
            provider="patreon",
            uid=patreon_id,
            defaults={"user_id": user.pk, "id_key": _id_key()},
        )
        if association.user_id != user.pk:
            raise AccountTaken("this Patreon account signs in as another user.")
        address = account.email
        written = write_profile(account, identity)
        if EMAIL not in grant.scopes:
            account.email = address  # without the scope Patreon does not send it: keep the old one
        tokens.store(account, grant, also=written)
        sync.save_identity(
            identity,
            account=account,
            scopes=grant.scopes,
            fetched_at=fetched_at or timezone.now(),
            by_operator=True,
        )
        if known is None:
            linked = partial(
                account_linked.send_robust, sender=PatreonAccount, account=account, user=user
            )
            transaction.on_commit(linked, using=using)
    return account


def _id_key() -> str:
    """Return the key by which the configured backend finds a person's association."""
    strategy = load_strategy()  # type: ignore[no-untyped-call]
    backend = load_backend(strategy, "patreon", redirect_uri=None)  # type: ignore[no-untyped-call]
    return str(backend.id_key())
