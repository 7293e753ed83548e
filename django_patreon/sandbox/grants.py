"""Codes and tokens: who allowed which client what, until when."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .switches import Switches
from .things import Clock

__all__ = ["SCOPES", "Code", "Grants", "Pair"]

# v2 scopes and what they mean to the person (official; lives observed in 2026).
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
# The real value; three independent samples agree (observed). Not promised (official).
TOKEN_SECONDS = 2678400
# Unknown at Patreon; ten minutes is what RFC 6749 recommends at most.
CODE_SECONDS = 600


@dataclass(kw_only=True)
class Code:
    """An authorization code. Single use (official)."""

    user_id: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(kw_only=True)
class Pair:
    """An access token and the refresh token that came with it."""

    user_id: str
    scopes: frozenset[str]
    access_token: str
    refresh_token: str
    expires_at: datetime
    access_alive: bool = True
    refresh_alive: bool = True


@dataclass
class Grants:
    """All that has been granted. Not locked: the sandbox handles one request at a time."""

    clock: Clock
    switches: Switches = field(default_factory=Switches)
    seed: int = 1
    issued: int = 0
    """How many codes and tokens have been made."""
    pairs: list[Pair] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    granted_scopes: dict[str, frozenset[str]] = field(default_factory=dict)
    """What each person has ever allowed."""

    def __post_init__(self) -> None:
        self._by_access = {each.access_token: each for each in self.pairs}
        self._by_refresh = {each.refresh_token: each for each in self.pairs}

    def issue_code(self, user_id: str, redirect_uri: str, scopes: frozenset[str]) -> str:
        """Let a client fetch tokens for this person, once."""
        # Scopes are sticky: what was granted before stays granted (observed).
        granted = self.granted_scopes.get(user_id, frozenset()) | scopes
        self.granted_scopes[user_id] = granted
        code = self._text()
        self.codes[code] = Code(
            user_id=user_id,
            redirect_uri=redirect_uri,
            scopes=granted,
            expires_at=self.clock.now() + timedelta(seconds=CODE_SECONDS),
        )
        return code

    def take_code(self, code: str) -> Code | None:
        """Spend a code; None when there is none such, or no more."""
        found = self.codes.pop(code, None)
        return found if found and self.clock.now() < found.expires_at else None

    def issue_pair(self, user_id: str, scopes: frozenset[str]) -> Pair:
        """Make tokens for a person who came with a code."""
        if self.switches.one_pair_per_user:
            self.kill(user_id)
        return self._new_pair(user_id, scopes)

    def refresh(self, refresh_token: str) -> Pair | None:
        """Swap a refresh token for a new pair: it is dead at once (observed)."""
        old = self._by_refresh.get(refresh_token)
        if old is None or not old.refresh_alive:
            return None
        old.refresh_alive = False
        old.access_alive = old.access_alive and self.switches.keep_access_on_refresh
        return self._new_pair(old.user_id, old.scopes)

    def pair_of(self, access_token: str) -> Pair | None:
        """Find what a live access token stands for."""
        pair = self._by_access.get(access_token)
        alive = pair is not None and pair.access_alive and self.clock.now() < pair.expires_at
        return pair if alive else None

    def expire(self, user_id: str | None = None) -> int:
        """Let access tokens die early, of one person or of all; refresh tokens live."""
        hit = [each for each in self.pairs if each.access_alive and user_id in (None, each.user_id)]
        for pair in hit:
            pair.access_alive = False
        return len(hit)

    def forget(self, token: str) -> None:
        """End the pair that an access or refresh token belongs to."""
        pair = self._by_access.get(token) or self._by_refresh.get(token)
        if pair is not None:
            pair.access_alive = pair.refresh_alive = False

    def forget_people(self, gone: Callable[[str], bool]) -> None:
        """Drop all that people have granted who are no longer there."""
        self.pairs = [each for each in self.pairs if not gone(each.user_id)]
        self.codes = {key: each for key, each in self.codes.items() if not gone(each.user_id)}
        self.granted_scopes = {
            key: each for key, each in self.granted_scopes.items() if not gone(key)
        }
        self.__post_init__()

    def kill(self, user_id: str | None = None) -> int:
        """End all tokens, of one person or of all, as when they remove the connected app."""
        hit = [
            each
            for each in self.pairs
            if (each.access_alive or each.refresh_alive) and user_id in (None, each.user_id)
        ]
        for pair in hit:
            pair.access_alive = pair.refresh_alive = False
        return len(hit)

    def _new_pair(self, user_id: str, scopes: frozenset[str]) -> Pair:
        pair = Pair(
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
        """43 characters of base64url (observed), the same in every run."""
        self.issued += 1
        digest = hashlib.sha256(f"sandbox/{self.seed}/{self.issued}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
