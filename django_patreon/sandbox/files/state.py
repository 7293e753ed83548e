"""The state file: what the sandbox needs to continue after a restart."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from django_patreon.sandbox.oauth.tokens import AuthorizationCode, TokenPair, Tokens
from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.web.faults import Fault
from django_patreon.sandbox.world.member_values import check_member_value
from django_patreon.sandbox.world.models import Delivery
from django_patreon.sandbox.world.world import World

from .dataclass_json import InvalidValue, dump, load

__all__ = ["State", "read_state", "write_state"]

FORMAT = 1


@dataclass(kw_only=True)
class State:
    """The content of a state file. The names of the fields are those in the file."""

    format: int = FORMAT
    world: World
    switches: Settings
    """The settings. Files of format 1 have this name for them."""
    faults: list[Fault] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    issued: int = 0
    pairs: list[TokenPair] = field(default_factory=list)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    granted_scopes: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, world: World, tokens: Tokens, faults: list[Fault], deliveries: list[Delivery]
    ) -> State:
        """Return the state of a running sandbox."""
        return cls(
            world=world,
            switches=tokens.settings,
            faults=faults,
            deliveries=deliveries,
            issued=tokens.issued,
            pairs=tokens.pairs,
            codes=tokens.codes,
            granted_scopes=tokens.granted_scopes,
        )

    def tokens(self) -> Tokens:
        """Return the codes and tokens of the file."""
        return Tokens(
            clock=self.world.clock,
            settings=self.switches,
            issued=self.issued,
            pairs=self.pairs,
            codes=self.codes,
            granted_scopes=self.granted_scopes,
        )


def write_state(path: Path, state: State) -> None:
    """Replace the file in one step, so that a reader finds a complete file. Raises `OSError`."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    # It contains tokens and secrets, though only the sandbox's: for the owner of the file only.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(dump(state), file)
    new.replace(path)


def read_state(path: Path) -> State | None:
    """Return the content of the file; None if there is no file.

    Raises `ValueError` if the file is invalid.
    """
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Move it away to begin anew.") from error
    if isinstance(document, dict) and document.get("format") != FORMAT:
        raise ValueError(f"{path} was written by another version. Move it away to begin anew.")
    try:
        state = load(State, document)
    except InvalidValue as error:
        raise ValueError(f"{path} is no state of a sandbox: {error}.") from error
    for key, member in state.world.members.items():
        for each in fields(member):
            try:
                check_member_value(each.name, getattr(member, each.name))
            except ValueError as error:
                raise ValueError(f"{path}: world.members.{key}.{each.name}: {error}.") from error
    # The file has each tier twice: by id, and in its campaign. They must be the same object.
    for campaign in state.world.campaigns.values():
        campaign.tiers = [state.world.tiers.get(each.id, each) for each in campaign.tiers]
    return state
