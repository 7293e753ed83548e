"""Dataclasses as JSON, and back by their annotations. An error says where in the document it is."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
import typing
from datetime import UTC, datetime
from typing import Any, TypeVar

from django_patreon.sandbox.web.parsing import check_unicode, read_time

__all__ = ["InvalidValue", "Path", "dump", "line_of", "load"]

T = TypeVar("T")

Path = tuple[str | int, ...]
"""A place in a JSON document: keys of objects and positions in lists."""


class InvalidValue(ValueError):
    """A value in a JSON document is invalid. `path` says which one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{where.lstrip('.') or 'the document'}: {self.reason}"


def dump(value: Any) -> Any:
    """Return a dataclass, and all that it contains, as values that JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: dump(getattr(value, each.name))
            for each in dataclasses.fields(value)
            if each.init
        }
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [dump(item) for item in value]
    return value


def load(kind: type[T], value: Any, path: Path = ()) -> T:
    """Return a dataclass from what `dump` returned. Raises `InvalidValue`."""
    if not isinstance(value, dict):
        raise InvalidValue(path, "must be an object")
    hints = _hints(typing.cast("Any", kind))
    for name in value:
        if name not in hints:
            known = ", ".join(hints)
            raise InvalidValue((*path, name), f"is not known here; known: {known}")
    given = {name: _fit(hints[name], item, (*path, name)) for name, item in value.items()}
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]
        required = (
            each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        )
        if each.init and required and each.name not in given:
            raise InvalidValue(path, f"{each.name} is missing")
    try:
        return kind(**given)
    except ValueError as error:
        raise InvalidValue(path, str(error)) from error


@functools.cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind) if each.init}


_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def _fit(hint: Any, value: Any, path: Path) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _fit(next(each for each in arguments if each is not types.NoneType), value, path)
    if origin in (list, set, frozenset):
        if not isinstance(value, list):
            raise InvalidValue(path, "must be a list")
        items = (_fit(arguments[0], item, (*path, at)) for at, item in enumerate(value))
        return origin(items)
    if origin is dict:
        if not isinstance(value, dict):
            raise InvalidValue(path, "must be an object")
        return {key: _fit(arguments[1], item, (*path, key)) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return load(typing.cast("type[Any]", hint), value, path)
    if hint is datetime:
        return _time(value, path)
    if hint is Any:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise InvalidValue(path, f"must be {_NAMES[hint]}")
    if isinstance(value, str):
        try:
            check_unicode(value)
        except ValueError as error:
            raise InvalidValue(path, str(error)) from None
    return value


def _time(value: Any, path: Path) -> datetime:
    try:
        return read_time(value)
    except ValueError as error:
        raise InvalidValue(path, str(error)) from None


_SPACE = re.compile(r"[ \t\r\n]*")


def line_of(text: str, path: Path) -> int:
    """Return the line, from 1, on which the value at `path` begins.

    If there is no such value, it is the line of the deepest value on the way that exists.
    """
    decoder = json.JSONDecoder()

    def skip(at: int) -> int:
        found = _SPACE.match(text, at)
        return found.end() if found else at

    at = skip(0)
    for step in path:
        if at >= len(text) or text[at] not in "[{":
            break
        opened, inner, position, reached = text[at], skip(at + 1), 0, None
        while inner < len(text) and text[inner] not in "]}":
            key: str | int = position
            if opened == "{":
                key, inner = decoder.raw_decode(text, inner)
                inner = skip(skip(inner) + 1)
            if key == step:
                reached = inner
            _, inner = decoder.raw_decode(text, inner)
            inner = skip(inner)
            if inner < len(text) and text[inner] == ",":
                inner = skip(inner + 1)
            position += 1
        if reached is None:
            break
        at = reached
    return text.count("\n", 0, at) + 1
