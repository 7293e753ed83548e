"""Who can be taken over, and who cannot and why. Reads and decides, and writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Q

from django_patreon.api import TokenGrant
from django_patreon.models import PatreonAccount

from . import social
from .rows import Row, Source

__all__ = ["Fate", "Known", "Person", "look_up"]


class Fate(Enum):
    """What becomes of a person."""

    ADOPTED = "adopted"
    ALREADY = "already"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What becomes of one person, and what is to be written for that."""

    username: str
    user_id: Any
    patreon_id: str
    fate: Fate
    reason: str = ""
    """Why they are skipped, and what to do."""
    account: PatreonAccount | None = None
    """The account that they have already."""
    grant: TokenGrant | None = None
    """The tokens that the other app kept, if there are any to remove; both empty if no pair."""
    needs_association: bool = False
    """social-auth would not find the user at the next sign-in."""

    @property
    def is_cleared(self) -> bool:
        """Are tokens in clear removed?"""
        return self.grant is not None

    @property
    def must_reconnect(self) -> bool:
        """Is the person taken over without a pair of tokens?"""
        return self.fate is Fate.ADOPTED and not (self.grant and self.grant.refresh_token)

    @property
    def is_to_write(self) -> bool:
        return self.fate is not Fate.SKIPPED and (
            self.fate is Fate.ADOPTED or self.is_cleared or self.needs_association
        )


@dataclass(kw_only=True)
class Known:
    """What the site knows of some people, read from where it is written."""

    source: Source
    names: dict[Any, str]
    """Usernames, by the users' keys."""
    accounts: dict[str, PatreonAccount]
    """By Patreon id."""
    accounts_of_users: dict[Any, PatreonAccount]
    id_keys: dict[str, str]
    """The `id_key` of each association, by Patreon id."""
    users: dict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))
    """All users that an identity signs in as, here or by the other app, by Patreon id."""
    ids: dict[Any, set[str]] = field(default_factory=lambda: defaultdict(set))
    """All identities that sign in as a user, by the user's key."""

    def judge(self, row: Row) -> Person:
        """Decide what is to become of a person."""
        reason = row.fault or self._conflict(row)
        account = self.accounts.get(row.patreon_id)
        if reason:
            fate, account = Fate.SKIPPED, None
        else:
            fate = Fate.ADOPTED if account is None else Fate.ALREADY
        return Person(
            username=self.names.get(row.user_id, str(row.user_id)),
            user_id=row.user_id,
            patreon_id=row.patreon_id,
            fate=fate,
            reason=reason,
            account=account,
            grant=self.source.grant(row, account) if row.holds_tokens and not reason else None,
            needs_association=not self.id_keys.get(row.patreon_id),
        )

    def _conflict(self, row: Row) -> str:
        """Say why user and identity cannot be joined, and what to do; empty if they can."""
        if row.user_id not in self.names:
            return "its user does not exist any more. Delete the row."
        account = self.accounts.get(row.patreon_id)
        if account is not None and account.user_id == row.user_id:
            return ""
        if account is not None:
            return (
                f"this Patreon account is connected to the user with the key {account.user_id}."
                " Disconnect it there, or delete this row."
            )
        other = self.accounts_of_users.get(row.user_id)
        if other is not None:
            return (
                f"the user is connected to the Patreon account {other.patreon_id}. Disconnect that"
                " one, or delete this row."
            )
        if len(self.users[row.patreon_id]) > 1:
            return (
                "this Patreon account signs in as the users with the keys"
                f" {_listed(self.users[row.patreon_id])}. Delete the rows of all but one."
            )
        if len(self.ids[row.user_id]) > 1:
            return (
                f"the user has the Patreon accounts {_listed(self.ids[row.user_id])}, and can keep"
                " one. Delete the rows of the others."
            )
        return ""


def look_up(source: Source, rows: Collection[Row]) -> Known:
    """Read what is needed to judge these people: four queries, however many they are."""
    users, ids = {each.user_id for each in rows}, {each.patreon_id for each in rows}
    model = get_user_model()
    found = model._base_manager.using(router.db_for_write(model)).filter(pk__in=users)
    accounts = list(
        PatreonAccount.objects.using(router.db_for_write(PatreonAccount)).filter(
            Q(user_id__in=users) | Q(patreon_id__in=ids)
        )
    )
    theirs = social.associations().filter(Q(user_id__in=users) | Q(uid__in=ids))
    associated = list(theirs.values_list("user_id", "uid", "id_key"))
    known = Known(
        source=source,
        names={key: str(name) for key, name in found.values_list("pk", model.USERNAME_FIELD)},
        accounts={each.patreon_id: each for each in accounts},
        accounts_of_users={each.user_id: each for each in accounts},
        id_keys={uid: id_key for _user_id, uid, id_key in associated},
    )
    claims = source.claims(rows) | {(user_id, uid) for user_id, uid, _id_key in associated}
    for user_id, patreon_id in claims:
        known.users[patreon_id].add(user_id)
        known.ids[user_id].add(patreon_id)
    return known


def _listed(keys: Collection[Any]) -> str:
    return ", ".join(sorted(map(str, keys)))
