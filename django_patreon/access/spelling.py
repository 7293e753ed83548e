"""The arguments of a gate, and what to write instead of one that is written wrongly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypedDict

from django_patreon.models import Campaign, Tier

__all__ = ["Asked", "as_written", "nearest", "refuse_arguments"]


class Asked(TypedDict, total=False):
    """The arguments of a gate, by name. `Rule` says what each asks for."""

    tier: Any
    at_least: Any
    cents: int | None
    lifetime_cents: int | None
    since: datetime | None
    campaign: Any


_FIELDS = tuple(Asked.__annotations__)
_OTHER_NAMES = {
    "amount": "cents",
    "amount_cents": "cents",
    "min_cents": "cents",
    "price": "cents",
    "required_tier": "at_least",
}
"""Names from elsewhere, such as the columns of a row, and the argument of a rule that they mean."""


def refuse_arguments(unnamed: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Raise `TypeError` for arguments that no rule has, and say how to write them."""
    if unnamed:
        raise TypeError(
            "A gate takes its arguments by name."
            f" Instead of {as_written(unnamed[0])} write {_by_name(unnamed[0])}."
        )
    for name in named:
        if name not in _FIELDS:
            right = _OTHER_NAMES.get(name) or nearest(name, _FIELDS, 0.6)
            value = named[name]
            meant = _by_name(value) if right is None else _pair(right, value)
            raise TypeError(
                f"A gate has no argument {name}. Write {meant}."
                f" It takes {', '.join(_FIELDS[:-1])} and {_FIELDS[-1]}."
            )


def nearest(name: str, right: Collection[str], alike: float = 0.8) -> str | None:
    """Return the right name that was probably meant, or None.

    That is the same name, one with two letters swapped, or one at least so much alike (0 to 1).
    """
    swapped = {f"{name[:i]}{name[i : i + 2][::-1]}{name[i + 2 :]}" for i in range(len(name))}
    found = [each for each in right if each in swapped]
    return next(iter(found or get_close_matches(name, right, n=1, cutoff=alike)), None)


def as_written(value: Any) -> str:
    """Write a value as in Python, texts in double quotes."""
    if isinstance(value, Mapping):
        inside = (f"{as_written(key)}: {as_written(each)}" for key, each in value.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    return repr(value)


def _pair(name: str, value: Any) -> str:
    return f"{name}={as_written(value)}"


def _by_name(value: Any) -> str:
    """Return the argument that a value without a name is probably meant for."""
    if isinstance(value, Mapping) and value and value.keys() <= set(_FIELDS):
        return ", ".join(_pair(name, each) for name, each in value.items())
    if isinstance(value, str | Tier):
        return _pair("tier", value)
    if isinstance(value, Campaign):
        return _pair("campaign", value)
    if isinstance(value, datetime):
        return _pair("since", value)
    return _pair("cents", value) if isinstance(value, int) else _pair("tier", "gold")
