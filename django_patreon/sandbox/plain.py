"""Dataclasses to plain JSON and back, by their annotations; what is wrong says where."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
import typing
from datetime import UTC, datetime
from typing import Any, TypeVar

__all__ = ["Path", "Wrong", "dump", "line_of", "load", "read_json", "read_time"]

T = TypeVar("T")
Path = tuple[str | int, ...]
"""Where in a JSON document: keys and positions."""


class Wrong(ValueError):
    """A value that does not fit. `path` says which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{where.lstrip('.') or 'the document'}: {self.reason}"


def dump(value: Any) -> Any:
    """A dataclass, and what it holds, as JSON can hold it."""
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
    """Build what `dump` took apart. Raises `Wrong` for what does not fit."""
    if not isinstance(value, dict):
        raise Wrong(path, "must be an object")
    hints = _hints(typing.cast("Any", kind))
    for name in value:
        if name not in hints:
            known = ", ".join(hints)
            raise Wrong((*path, name), f"is not known here; known: {known}")
    given = {name: _fit(hints[name], item, (*path, name)) for name, item in value.items()}
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]
        needed = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if each.init and needed and each.name not in given:
            raise Wrong(path, f"{each.name} is missing")
    try:
        return kind(**given)
    except ValueError as error:
        raise Wrong(path, str(error)) from error


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
            raise Wrong(path, "must be a list")
        items = (_fit(arguments[0], item, (*path, at)) for at, item in enumerate(value))
        return origin(items)
    if origin is dict:
        if not isinstance(value, dict):
            raise Wrong(path, "must be an object")
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
        raise Wrong(path, f"must be {_NAMES[hint]}")
    if isinstance(value, str) and not _is_unicode(value):
        raise Wrong(path, _NOT_UNICODE)
    return value


_NOT_UNICODE = "has half of a surrogate pair, which is no character"


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_json(body: bytes) -> Any:
    """Read a body. Raises `ValueError`, for half of a surrogate pair in a text, too."""
    try:
        document = json.loads(body)
        written = json.dumps(document, ensure_ascii=False)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    if not _is_unicode(written):
        raise ValueError(f"the body {_NOT_UNICODE}")
    return document


def _time(value: Any, path: Path) -> datetime:
    try:
        return read_time(value)
    except ValueError as error:
        raise Wrong(path, str(error)) from None


def read_time(value: Any) -> datetime:
    """Read a time, as UTC. Raises `ValueError` for any that the clock here never shows."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year <= 9100:
        raise ValueError(
            "must be a time as in ISO 8601, like 2026-01-31T12:00:00Z, of the years 1970 to 9100"
        )
    return moment


_SPACE = re.compile(r"[ \t\r\n]*")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, on which the value at `path` begins, or the deepest part that exists."""
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
