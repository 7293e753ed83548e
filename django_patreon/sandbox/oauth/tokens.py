"""Authorization codes, access tokens and refresh tokens, and the scopes that there are."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.world.clock import Clock

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "SCOPES",
    "TOKEN_SECONDS",
    "AuthorizationCode",
    "TokenPair",
    "Tokens",
]

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105  (public: it protects nothing)
# The scopes of API v2, with the texts of the consent page (official; lives observed in 2026).
SCOPES = {
    "identity": "See your public profile",
    "identity[email]": "See your e-mail address",
    "identity.memberships": "See your memberships to every creator",
    "campaigns": "See your campaign",
    "w:campaigns.webhook": "Read and write webhooks of your campaign",
    "campaigns.members": "See the members of your campaign",
    "campaigns.members[email]": "See the e-mail addresses of your members",
    "campaigns.members.address": "See the postal addresses of your members",
    "campaigns.posts": "Read the posts of your campaign",
    "campaigns.lives": "Read the lives of your campaign",
    "w:campaigns.lives": "Write the lives of your campaign",
}
# Patreon's value in three independent samples (observed). It is not promised (official).
TOKEN_SECONDS = 2678400
# Unknown at Patreon; ten minutes is what RFC 6749 recommends at most.
CODE_SECONDS = 600


@dataclass(kw_only=True)
class AuthorizationCode:
    """An authorization code. It can be used once (official)."""

    user_id: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(kw_only=True)
class TokenPair:
    """An access token and its refresh token."""

    user_id: str
    scopes: frozenset[str]
    access_token: str
    refresh_token: str
    expires_at: datetime
    access_alive: bool = True
    refresh_alive: bool = True


@dataclass
class Tokens:
    """All codes and tokens of one sandbox. It is not locked."""

    clock: Clock
    settings: Settings = field(default_factory=Settings)
    seed: int = 1
    issued: int = 0
    """How many codes and tokens were made so far."""
    pairs: list[TokenPair] = field(default_factory=list)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    granted_scopes: dict[str, frozenset[str]] = field(default_factory=dict)
    """All scopes that each person has granted so far."""

    def __post_init__(self) -> None:
        self._by_access = {each.access_token: each for each in self.pairs}
        self._by_refresh = {each.refresh_token: each for each in self.pairs}

    def issue_code(self, user_id: str, redirect_uri: str, scopes: frozenset[str]) -> str:
        """Return a new code for this person."""
        # Scopes that were granted earlier stay granted (observed).
        granted = self.granted_scopes.get(user_id, frozenset()) | scopes
        self.granted_scopes[user_id] = granted
        code = self._text()
        self.codes[code] = AuthorizationCode(
            user_id=user_id,
            redirect_uri=redirect_uri,
            scopes=granted,
            expires_at=self.clock.now() + timedelta(seconds=CODE_SECONDS),
        )
        return code

    def take_code(self, code: str) -> AuthorizationCode | None:
        """Use up a code. Returns None for an unknown, used or expired code."""
        found = self.codes.pop(code, None)
        return found if found and self.clock.now() < found.expires_at else None

    def issue_pair(self, user_id: str, scopes: frozenset[str]) -> TokenPair:
        """Return new tokens for a person."""
        if self.settings.one_pair_per_user:
            self.kill(user_id)
        return self._new_pair(user_id, scopes)

    def refresh(self, refresh_token: str) -> TokenPair | None:
        """Exchange a refresh token for a new pair. The old one ends at once (observed).

        Returns None for a token that is unknown or has ended.
        """
        old = self._by_refresh.get(refresh_token)
        if old is None or not old.refresh_alive:
            return None
        old.refresh_alive = False
        old.access_alive = old.access_alive and self.settings.keep_access_on_refresh
        return self._new_pair(old.user_id, old.scopes)

    def pair_of(self, access_token: str) -> TokenPair | None:
        """Return the pair of a valid access token, or None."""
        pair = self._by_access.get(access_token)
        alive = pair is not None and pair.access_alive and self.clock.now() < pair.expires_at
        return pair if alive else None

    def expire(self, user_id: str | None = None) -> int:
        """End the access tokens of one person, or of all; refresh tokens stay valid.

        Returns how many ended.
        """
        ended = [
            each for each in self.pairs if each.access_alive and user_id in (None, each.user_id)
        ]
        for pair in ended:
            pair.access_alive = False
        return len(ended)

    def revoke(self, token: str) -> None:
        """End the pair of an access or refresh token."""
        pair = self._by_access.get(token) or self._by_refresh.get(token)
        if pair is not None:
            pair.access_alive = pair.refresh_alive = False

    def forget_people(self, gone: Callable[[str], bool]) -> None:
        """Remove all codes and tokens of the users of whom `gone` is true."""
        self.pairs = [each for each in self.pairs if not gone(each.user_id)]
        self.codes = {key: each for key, each in self.codes.items() if not gone(each.user_id)}
        self.granted_scopes = {
            key: each for key, each in self.granted_scopes.items() if not gone(key)
        }
        self.__post_init__()

    def kill(self, user_id: str | None = None) -> int:
        """End all tokens of one person, or of all, as when they disconnect the app at Patreon.

        Returns how many pairs ended.
        """
        ended = [
            each
            for each in self.pairs
            if (each.access_alive or each.refresh_alive) and user_id in (None, each.user_id)
        ]
        for pair in ended:
            pair.access_alive = pair.refresh_alive = False
        return len(ended)

    def _new_pair(self, user_id: str, scopes: frozenset[str]) -> TokenPair:
        pair = TokenPair(
            user_id=user_id,
            scopes=scopes,
            access_token=self._text(),
            refresh_token=self._text(),
            expires_at=self.clock.now() + timedelta(seconds=TOKEN_SECONDS),
        )
        self.pairs.append(pair)
        self._by_access[pair.access_token] = pair
        self._by_refresh[pair.refresh_token] = pair
        return pair

    def _text(self) -> str:
        """Return 43 characters of base64url (observed). They are the same in every run."""
        self.issued += 1
        digest = hashlib.sha256(f"sandbox/{self.seed}/{self.issued}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
