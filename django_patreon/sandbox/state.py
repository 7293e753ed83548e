"""The state file: everything that should be there again after a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

from .faults import Fault
from .grants import Code, Grants, Pair
from .member_facts import judge_fact
from .plain import Wrong, dump, load
from .switches import Switches
from .things import Delivery
from .world import World

__all__ = ["State", "read_state", "write_state"]

FORMAT = 1


@dataclass(kw_only=True)
class State:
    """What is kept: the world with its hooks and their queues, grants, deliveries, switches."""

    format: int = FORMAT
    world: World
    switches: Switches
    faults: list[Fault] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    issued: int = 0
    pairs: list[Pair] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    granted_scopes: dict[str, frozenset[str]] = field(default_factory=dict)

    def grants(self) -> Grants:
        """The grants as they were."""
        return Grants(
            clock=self.world.clock,
            switches=self.switches,
            issued=self.issued,
            pairs=self.pairs,
            codes=self.codes,
            granted_scopes=self.granted_scopes,
        )


def write_state(
    path: Path,
    world: World,
    grants: Grants,
    faults: list[Fault],
    deliveries: Iterable[Delivery],
) -> None:
    """Replace the file in one step: whoever reads it finds the old or the new, and both whole."""
    state = State(
        world=world,
        switches=grants.switches,
        faults=faults,
        deliveries=list(deliveries),
        issued=grants.issued,
        pairs=grants.pairs,
        codes=grants.codes,
        granted_scopes=grants.granted_scopes,
    )
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    # It has tokens and secrets in it, though pretended ones: for its owner only.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(dump(state), file)
    beside.replace(path)


def read_state(path: Path) -> State | None:
    """Read it; None when there is none yet. Raises `ValueError` with what is wrong with it."""
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
    except Wrong as error:
        raise ValueError(f"{path} is no state of a sandbox: {error}.") from error
    for key, member in state.world.members.items():
        for each in fields(member):
            try:
                judge_fact(each.name, getattr(member, each.name))
            except ValueError as error:
                raise ValueError(f"{path}: world.members.{key}.{each.name}: {error}.") from error
    # Tiers are found by id and listed by their campaign: one object each.
    for campaign in state.world.campaigns.values():
        campaign.tiers = [state.world.tiers.get(each.id, each) for each in campaign.tiers]
    return state
