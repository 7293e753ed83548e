"""Taking everybody over, one person in a transaction."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connections,
    models,
    router,
    transaction,
)
from social_core.exceptions import AuthConfigurationError

from django_patreon import sync, tokens
from django_patreon.api import read_grant
from django_patreon.models import PatreonAccount
from django_patreon.moments import to_aware
from django_patreon.sign_in.accounts import hold_identity
from django_patreon.sign_in.associations import association_model

from . import social
from .judging import Fate, Person, look_up
from .rows import CannotAdopt, Row, Source, tables_of

__all__ = ["Takeover", "take_over"]

ATTEMPTS = 5
"""How often a person is tried whose rows somebody else, such as a sign-in, writes meanwhile."""


@dataclass(kw_only=True)
class Takeover:
    """How many people were `adopted`, `already` taken over, and `skipped`.

    `cleared` counts those whose tokens in clear were removed, and `must_reconnect` those of the
    adopted who had no pair of tokens to take over.
    """

    adopted: int = 0
    already: int = 0
    skipped: int = 0
    cleared: int = 0
    must_reconnect: int = 0

    def count(self, person: Person) -> None:
        name = person.fate.value
        setattr(self, name, getattr(self, name) + 1)
        self.cleared += person.is_cleared
        self.must_reconnect += person.must_reconnect


def take_over(source: Source, *, dry_run: bool, report: Callable[[Person], None]) -> Takeover:
    """Take everybody over, and call `report` for each after what was written is committed.

    Safe while the site runs, and to run again after an interruption: who is taken over already is
    left alone. With `dry_run` nothing is written. Raises `CannotAdopt`.
    """
    id_key = _id_key()
    done = Takeover()
    for rows in source.batches():
        known = look_up(source, rows)
        for row in rows:
            person: Person | None = known.judge(row)
            if person is not None and person.is_to_write and not dry_run:
                person = _take_over_one(source, row, person, id_key)
            if person is not None:
                done.count(person)
                report(person)
    return done


def _id_key() -> str:
    """Return the key under which the site's backend finds people again."""
    model = association_model()
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        raise CannotAdopt("SOCIAL_AUTH_STORAGE keeps associations outside Django's databases.")
    for each in (model, PatreonAccount):
        if each._meta.db_table not in tables_of(router.db_for_write(each)):
            raise CannotAdopt(f"There is no table {each._meta.db_table}: run manage.py migrate.")
    if association_model().user_model() is not get_user_model():
        raise CannotAdopt("SOCIAL_AUTH_USER_MODEL is not AUTH_USER_MODEL: the users are others.")
    try:
        return str(social.backend().id_key())
    except AuthConfigurationError:
        raise CannotAdopt(
            'Add "django_patreon.backends.PatreonOAuth2" to AUTHENTICATION_BACKENDS first.'
        ) from None


def _take_over_one(source: Source, row: Row, person: Person, id_key: str) -> Person | None:
    """Return what became of the person; None if the row has gone meanwhile."""
    for remaining in reversed(range(ATTEMPTS)):
        try:
            with _one_transaction(source):
                # In the order in which a sign-in locks them.
                hold_identity({"id": row.patreon_id})
                found = source.lock(row)
                if found is None:
                    return None
                person = look_up(source, [found]).judge(found)
                if person.is_to_write:
                    _write(source, found, person, id_key)
                return person
        except (IntegrityError, DataError) as error:
            if not remaining:
                reason = f"the database refuses it ({type(error).__name__}). Look at its log."
                return replace(person, fate=Fate.SKIPPED, reason=reason, account=None, grant=None)
        except OperationalError:
            # A deadlock or SQLite's lock: worth another try where the transaction is ours.
            if not remaining or any(connections[each].in_atomic_block for each in _aliases(source)):
                raise
        time.sleep(random.uniform(0, 0.05))  # noqa: S311  (two losers should not tie again)
    raise AssertionError("unreachable")


def _write(source: Source, row: Row, person: Person, id_key: str) -> None:
    account = person.account or PatreonAccount(user_id=row.user_id, patreon_id=row.patreon_id)
    if person.account is None or (person.grant is not None and not _is_older(person)):
        tokens.store(account, person.grant or read_grant({}))
    if person.account is None:
        sync.join_memberships(account)
    if person.needs_association:
        social.associations().update_or_create(
            provider=social.PROVIDER,
            uid=row.patreon_id,
            defaults={"id_key": id_key},
            create_defaults={"id_key": id_key, "user_id": row.user_id},
        )
    if person.grant is not None:
        source.empty(row)


def _is_older(person: Person) -> bool:
    """Does the account have a pair that ends later, of which nobody knows when it was given?

    Where that is known, `tokens.store` compares.
    """
    account, grant = person.account, person.grant
    if account is None or grant is None or account.token_lifetime:
        return False
    if not account.refresh_token.readable:
        return False
    if account.token_expires_at is None or grant.expires_in is None:
        return True
    end = grant.obtained_at + timedelta(seconds=grant.expires_in)
    return end <= to_aware(account.token_expires_at)


@contextmanager
def _one_transaction(source: Source) -> Iterator[None]:
    """One transaction; on a site with several databases one in each.

    The innermost is committed first: the account, and with it the tokens, before the copies in
    clear are gone. An interruption between the two is made good by the next run.
    """
    with ExitStack() as stack:
        for alias in _aliases(source):
            stack.enter_context(transaction.atomic(using=alias))
        yield


def _aliases(source: Source) -> list[str]:
    ours = [social.associations().db, router.db_for_write(PatreonAccount)]
    return list(dict.fromkeys([*source.databases(), *ours]))
