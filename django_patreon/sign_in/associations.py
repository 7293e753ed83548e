"""What joins a user to Patreon is social-auth's association; the Patreon account follows it.

The association is a row of the site's own storage (`SOCIAL_AUTH_STORAGE`), or of social-auth's.
Where it is deleted, the account is deleted. Where it is moved to another user, the account moves.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, router, transaction
from django.db.models.signals import post_init, post_save, pre_delete, pre_save
from social_core.utils import get_strategy, setting_name

from django_patreon.models import PatreonAccount
from django_patreon.signals import account_linked, account_unlinked

__all__ = ["AccountTaken", "association_model", "listen", "load_strategy", "move_account"]

logger = logging.getLogger("django_patreon")

PROVIDER = "patreon"
_STRATEGY = "social_django.strategy.DjangoStrategy"
_STORAGE = "social_django.models.DjangoStorage"
_LOADED = "_django_patreon_loaded"


class AccountTaken(Exception):
    """The user has another Patreon identity, or the identity belongs to another user."""


def association_model() -> Any:
    """Return the model of associations: social-auth's own, or that of the site's storage."""
    return load_strategy().storage.user


def load_strategy() -> Any:
    """Return the site's strategy of social-auth, outside a request.

    As `social_django.utils` does, which cannot be imported where social_django is not installed.
    """
    names = (
        getattr(settings, setting_name(name), default)
        for name, default in (("STRATEGY", _STRATEGY), ("STORAGE", _STORAGE))
    )
    return get_strategy(*names)


def listen() -> None:
    """Connect the receivers that let accounts follow their associations."""
    model, uid = association_model(), "django_patreon.sign_in.associations"
    post_init.connect(_remember, sender=model, dispatch_uid=uid)
    pre_save.connect(_refuse, sender=model, dispatch_uid=uid)
    post_save.connect(_follow, sender=model, dispatch_uid=uid)
    pre_delete.connect(_forget, sender=model, dispatch_uid=uid)


def move_account(account: PatreonAccount, user: Any) -> None:
    """Make `account` that of `user`: tokens and memberships stay with it, passes with their users.

    Sends `account_unlinked` and `account_linked` after the commit. Raises `AccountTaken` when the
    user has another Patreon account.
    """
    using = router.db_for_write(PatreonAccount)
    with transaction.atomic(using=using):
        _check_free(account, user.pk)
        before = account.user
        account.user = user
        account.save(using=using, update_fields=["user"])
        _send(account_unlinked, using, patreon_id=account.patreon_id, user=before)
        _send(account_linked, using, account=account, user=user)
    logger.info(
        "Patreon account %s moved from user %s to user %s", account.patreon_id, before.pk, user.pk
    )


def _check_free(account: PatreonAccount, user_key: Any) -> None:
    if _accounts().filter(user=user_key).exclude(pk=account.pk).exists():
        raise AccountTaken(
            f"Patreon account {account.patreon_id} cannot be moved to user {user_key}, who has"
            " another Patreon account. Disconnect that one first."
        )


def _remember(sender: Any, instance: models.Model, **kwargs: Any) -> None:
    """Keep the values that the row was read with, without loading deferred columns."""
    instance.__dict__[_LOADED] = _joined(instance)


def _joined(association: models.Model) -> tuple[Any, Any, Any]:
    """Return provider, uid and the user's key; None for what has not been loaded."""
    provider, uid, user = (
        association.__dict__.get(each) for each in ("provider", "uid", "user_id")
    )
    return provider, uid, user


def _has_changed(association: models.Model) -> bool:
    return association.__dict__.get(_LOADED) != _joined(association)


def _refuse(sender: Any, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """Receiver of `pre_save`: raise `AccountTaken` before anything is written.

    An association that is as it was read costs no query.
    """
    if raw or instance._state.adding or not _has_changed(instance):
        return
    if instance.provider == PROVIDER:
        for account in _accounts().filter(patreon_id=instance.uid):
            _check_free(account, instance.user_id)


def _follow(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Receiver of `post_save`: move the account, or delete it if the row is another's now."""
    is_same = raw or created or not _has_changed(instance)
    before, now = instance.__dict__.get(_LOADED), _joined(instance)
    instance.__dict__[_LOADED] = now
    if is_same:
        return
    if before and before[0] == PROVIDER and before[:2] != now[:2]:
        _delete_account(before[1])
    if instance.provider == PROVIDER:
        for account in _accounts().filter(patreon_id=instance.uid).exclude(user=instance.user_id):
            move_account(account, instance.user)


def _forget(sender: Any, instance: Any, using: str, origin: Any = None, **kwargs: Any) -> None:
    """Receiver of `pre_delete`, while all columns of the row can still be read.

    When the user is deleted the database's own cascade takes both.
    """
    deleted = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    if instance.provider == PROVIDER and not issubclass(deleted, get_user_model()):
        _delete_account(instance.uid)


def _delete_account(patreon_id: str) -> None:
    for account in _accounts().filter(patreon_id=patreon_id).select_related("user"):
        user = account.user
        account.delete()
        logger.info("Patreon account %s disconnected from user %s", patreon_id, user.pk)
        using = router.db_for_write(PatreonAccount)
        _send(account_unlinked, using, patreon_id=patreon_id, user=user)


def _accounts() -> models.QuerySet[PatreonAccount]:
    return PatreonAccount.objects.using(router.db_for_write(PatreonAccount))


def _send(signal: Any, using: str, **news: Any) -> None:
    """Send the signal after the commit. A receiver that raises does not stop the others."""
    send = partial(signal.send_robust, sender=PatreonAccount, **news)
    transaction.on_commit(send, using=using)
