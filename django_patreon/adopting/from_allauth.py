"""django-allauth, as the login app that was used before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, models, router
from django.db.models import Q

from django_patreon.api import TokenGrant, read_grant
from django_patreon.models import PatreonAccount
from django_patreon.moments import to_aware

from . import social
from .rows import CannotAdopt, Claim, Row, fault_of_id, in_batches, tables_of

__all__ = ["FromAllauth"]

_APP = "allauth.socialaccount"
_TABLE = "socialaccount_socialaccount"


class FromAllauth:
    """Takes over `SocialAccount` and `SocialToken`, and leaves allauth's rows where they are.

    Raises `CannotAdopt` when allauth is not installed, and when its tokens are those of another
    client.
    """

    def __init__(self) -> None:
        if not apps.is_installed(_APP):
            raise CannotAdopt(_not_installed())
        self.clients = _Clients()
        self.providers = {"patreon", *self.clients.provider_ids}

    def databases(self) -> list[str]:
        return [_rows("SocialToken").db]

    def batches(self) -> Iterator[list[Row]]:
        for batch in in_batches(self._accounts()):
            yield self._read(each for each in batch if each.provider in self.providers)

    def lock(self, row: Row) -> Row | None:
        found = self._read(self._accounts().select_for_update().filter(pk=row.pk))
        return found[0] if found else None

    def claims(self, rows: Collection[Row]) -> set[Claim]:
        users, ids = {each.user_id for each in rows}, {each.patreon_id for each in rows}
        found = self._accounts().filter(Q(user_id__in=users) | Q(uid__in=ids))
        return set(found.values_list("user_id", "uid"))

    def grant(self, row: Row, account: PatreonAccount | None) -> TokenGrant:
        theirs, kept = row.kept
        pairs = [each for each in kept if each.token and each.token_secret]
        ours = [each for each in pairs if self.clients.has_given(each)]
        if not ours:
            return read_grant({})
        newest = max(
            ours, key=lambda each: (_end_of(each) or datetime.min.replace(tzinfo=UTC), each.pk)
        )
        end, obtained_at = _end_of(newest), to_aware(theirs.last_login)
        if end is not None:
            if obtained_at >= end:  # saved since for another reason
                obtained_at = min(to_aware(theirs.date_joined), end - timedelta(seconds=1))
            if account is not None and account.token_lifetime is not None:
                obtained_at = min(obtained_at, end - account.token_lifetime)
        grant = read_grant(
            {
                "access_token": newest.token,
                "refresh_token": newest.token_secret,
                "expires_in": None if end is None else (end - obtained_at).total_seconds(),
            }
        )
        return replace(grant, obtained_at=obtained_at)

    def empty(self, row: Row) -> None:
        _rows("SocialToken").filter(account_id=row.pk).update(token="", token_secret="")

    def _accounts(self) -> models.QuerySet[Any]:
        return _rows("SocialAccount").filter(provider__in=self.providers)

    def _read(self, found: Any) -> list[Row]:
        found = list(found)
        kept: dict[Any, list[Any]] = defaultdict(list)
        for token in _rows("SocialToken").filter(account_id__in=[each.pk for each in found]):
            kept[token.account_id].append(token)
        return [
            Row(
                pk=each.pk,
                user_id=each.user_id,
                patreon_id=each.uid,
                holds_tokens=any(token.token or token.token_secret for token in kept[each.pk]),
                kept=(each, kept[each.pk]),
                fault=fault_of_id(each.uid),
            )
            for each in found
        ]


class _Clients:
    """The OAuth clients that allauth used for Patreon. A refresh token works for its own alone."""

    def __init__(self) -> None:
        stored = list(_rows("SocialApp").filter(provider="patreon"))
        self.by_key = {each.pk: each.client_id for each in stored}
        given = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {}).get("patreon", {})
        listed = [given["APP"]] if given.get("APP") else given.get("APPS", [])
        self.in_settings = {each.get("client_id") for each in listed}
        self.provider_ids = {each.provider_id for each in stored} | {
            each.get("provider_id") for each in listed
        }
        self.provider_ids -= {"", None}
        self.ours = social.backend().get_key_and_secret()[0]
        known = {*self.by_key.values(), *self.in_settings}
        if known and self.ours not in known:
            raise CannotAdopt(
                f"allauth's tokens belong to the client {' or '.join(sorted(map(str, known)))}, and"
                f" SOCIAL_AUTH_PATREON_KEY is {self.ours!r}. Set it and SOCIAL_AUTH_PATREON_SECRET"
                " to the client id and secret that allauth used: a refresh token works for no other"
                " client."
            )

    def has_given(self, token: Any) -> bool:
        """Was this token given to the client that the site uses now?"""
        if token.app_id is not None:
            return bool(self.by_key.get(token.app_id) == self.ours)
        return not self.in_settings or self.ours in self.in_settings


def _rows(name: str) -> models.QuerySet[Any]:
    model = apps.get_model("socialaccount", name)
    return model._base_manager.using(router.db_for_write(model))  # type: ignore[no-any-return]


def _end_of(token: Any) -> datetime | None:
    return None if token.expires_at is None else to_aware(token.expires_at)


def _not_installed() -> str:
    there = [alias for alias in connections if _TABLE in tables_of(alias)]
    if not there:
        return (
            "Nothing to take over: django-allauth is not in INSTALLED_APPS, and no database of this"
            f" site has its table {_TABLE}."
        )
    package = "" if find_spec("allauth") else ' Run pip install "django-allauth[socialaccount]".'
    return (
        f"The tables of django-allauth are in the database {there[0]!r}, but the app is not"
        f' installed.{package} Add "allauth", "allauth.account" and "{_APP}" to INSTALLED_APPS'
        " until everybody is taken over; its URLs and its provider are not needed. Then run this"
        " again."
    )
