"""Class-based gates that are written wrongly: refused when the class is made.

Two faults would open a page to people who must not see it: a rule under a name that no gate reads,
and a `dispatch` that answers before the gate is asked.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator, Mapping
from inspect import isclass, isfunction, ismodule, unwrap
from types import CodeType
from typing import Any

from .rules import Rule
from .spelling import Asked, as_written, nearest

__all__ = [
    "refuse_a_way_round",
    "refuse_another_argument",
    "refuse_another_campaign",
    "refuse_another_name",
]

_FIELDS = tuple(Asked.__annotations__)
_OF_TIERS = tuple(each for each in _FIELDS if each != "campaign")
_NOT_A_RULE = frozenset({"rule", "rules", "patron_rules", "patreon_rule"})
_NOT_A_METHOD = frozenset({"get_rule", "get_rules", "get_patron_rules", "get_patreon_rule"})
_FRAMEWORKS = ("django.", "rest_framework.", "django_patreon.", "builtins")
_TYPO = 0.8
"""How alike two names are for one to be a slip for the other: "tiers" is, "title" is not."""
_ALIKE = 0.9
"""The same for long names: "patron_rul" is a slip, and "patreon_url" is a name of its own."""


def refuse_another_name(cls: type) -> None:
    """Raise `TypeError` for a rule under a name that no gate reads: it would ask for nothing.

    Beside a rule, `tier` and the like may be the class's own.
    """
    is_said = bool(getattr(cls, "patron_rule", None)) or _works_it_out(cls)
    for name, value in _own_names(cls):
        if _is_a_rule(name, value) or (not is_said and _is_an_argument(name, value)):
            raise TypeError(
                f"{cls.__qualname__}.{name} is not read. Write"
                f" {_right_name(name)}{_as_rule(name, value)}."
            )


def refuse_another_campaign(cls: type, *, has_a_rule: bool) -> None:
    """Raise `TypeError` for a name that the view of one row does not read.

    `has_a_rule`: the class is a gate with a rule of its own as well, which reads `patron_rule`.
    """
    is_said = getattr(cls, "patron_campaign", None) is not None
    for name, value in _own_names(cls):
        is_slip = name == "get_patron_campaign" or (
            name != "patron_campaign" and nearest(name, ("patron_campaign",), _ALIKE)
        )
        if is_slip or (not is_said and _is_slip(name, value, ("campaign",))):
            shown = "None" if _is_code(value) else as_written(value)
            raise TypeError(
                f"{cls.__qualname__}.{name} is not read. Write patron_campaign = {shown}."
            )
        is_rule = name in ("patron_rule", "get_patron_rule") or _is_a_rule(name, value)
        if not has_a_rule and (is_rule or _is_slip(name, value, _OF_TIERS)):
            raise TypeError(
                f"{cls.__qualname__}.{name} is not read: the columns of the row decide. Set its"
                " required_tier, min_cents or public_from, or derive the class from"
                " PatronRequiredMixin, too."
            )


def refuse_another_argument(cls: type, given: Mapping[str, Any], right: str) -> None:
    """Raise `TypeError` for an argument of `as_view` that the class does not know, and name the
    one that it reads."""
    for name, value in given.items():
        if not hasattr(cls, name) and (_is_a_rule(name, value) or nearest(name, (right, *_FIELDS))):
            shown = _as_rule(name, value, "=") if right == "patron_rule" else f"={value!r}"
            raise TypeError(f"as_view does not read {name}. Write {right}{shown}.")


def _own_names(cls: type) -> Iterator[tuple[str, Any]]:
    """List what a site has written on a class and its bases, the nearest first."""
    seen = set()
    for each in cls.__mro__:
        if f"{each.__module__}.".startswith(_FRAMEWORKS):
            continue
        for name, value in vars(each).items():
            if not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, value


def _works_it_out(cls: type) -> bool:
    return any(name == "get_patron_rule" for name, _ in _own_names(cls))


def _is_a_rule(name: str, value: Any) -> bool:
    """Is it meant for `patron_rule`, or for the method that works it out?"""
    if name in ("patron_rule", "get_patron_rule"):
        return False
    if name in _NOT_A_RULE or name in _NOT_A_METHOD:
        return True
    alike = _TYPO if isinstance(value, Mapping | Rule) else _ALIKE
    return bool(nearest(name, ("patron_rule",), alike) or nearest(name, ("get_patron_rule",), 0.9))


def _is_an_argument(name: str, value: Any) -> bool:
    return name in _FIELDS or _is_slip(name, value, _FIELDS)


def _is_slip(name: str, value: Any, right: tuple[str, ...]) -> bool:
    return not _is_code(value) and nearest(name, right, _TYPO) is not None


def _is_code(value: Any) -> bool:
    return callable(value) or hasattr(value, "__get__")


def _right_name(name: str) -> str:
    return "get_patron_rule" if name.startswith("get_") else "patron_rule"


def _as_rule(name: str, value: Any, equals: str = " = ") -> str:
    """Show how the rule is written that is under another name."""
    if name.startswith("get_"):
        return "(self)"
    if isinstance(value, Mapping):
        return f"{equals}{as_written(value)}"
    field = nearest(name, _FIELDS, _TYPO) or "tier"
    shown = as_written("gold" if _is_code(value) or value is None else value)
    return f'{equals}{{"{field}": {shown}}}'


def refuse_a_way_round(cls: type, gate: type) -> None:
    """Raise `TypeError` where a `dispatch` before the gate's does not call the next: nobody would
    be refused."""
    place = cls.__mro__.index(gate)
    for each in cls.__mro__[:place]:
        if "dispatch" in vars(each) and not _calls_next(vars(each)["dispatch"], cls, place):
            raise TypeError(
                f"{cls.__qualname__} would be open to everybody: {each.__qualname__}.dispatch"
                f" comes before that of {gate.__name__} and does not call super().dispatch()."
                f" Name {gate.__name__} as the first base class."
            )


def _calls_next(dispatch: Any, cls: type, place: int) -> bool:
    """Does it call the next `dispatch`, by itself or in a function that it uses?

    `super().dispatch(...)` does, and so does `Base.dispatch(self, ...)` of a base that stands no
    later than the gate, which is number `place` of the class's bases. One that stands behind it,
    such as Django's `View`, goes round the gate.
    """
    up_to_gate = cls.__mro__[: place + 1]
    leads_on = False
    todo, seen = [dispatch], set()
    while todo:
        function = _plain(todo.pop())
        code = getattr(function, "__code__", None)
        if not isinstance(code, CodeType) or code in seen:
            continue
        seen.add(code)
        names = set(_names(code))
        leads_on |= {"super", "dispatch"} <= names
        known = _known_to(function)
        for base in _named_bases(code, known):
            if _owner_of_dispatch(base) not in up_to_gate:
                return False
            leads_on = True
        used = [known[name] for name in names if name in known]
        used += [
            vars(each)[name]
            for each in up_to_gate[:-1]
            for name in names - {"dispatch"}
            if name in vars(each)
        ]
        todo += [each for each in used if isfunction(_plain(each))]
    return leads_on


def _plain(function: Any) -> Any:
    """Take decorators, `partial`, `classmethod` and the like off a function."""
    function = getattr(function, "__func__", getattr(function, "func", function))
    return unwrap(function) if callable(function) else function


def _names(code: CodeType) -> Iterator[str]:
    """List the names that a function uses, also in functions inside it, and in `getattr`."""
    yield from code.co_names
    yield from code.co_freevars
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)
        elif isinstance(each, str):
            yield each


def _known_to(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what the names in a function stand for: its module's, and those around it."""
    found = dict(getattr(function, "__globals__", {}))
    cells = getattr(function, "__closure__", None) or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # `__class__`, while the class is being made
            found.pop(name, None)
    return found


def _named_bases(code: CodeType, known: Mapping[str, Any]) -> Iterator[type]:
    """List the classes whose `dispatch` a function names: `Base` of `Base.dispatch(self)`."""
    found: Any = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            found = known.get(str(step.argval))
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            if step.argval == "dispatch" and isclass(found):
                yield found
            is_place = ismodule(found) or isclass(found)
            found = getattr(found, str(step.argval), None) if is_place else None
        elif step.opname not in ("CACHE", "EXTENDED_ARG"):
            found = None
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _named_bases(each, known)


def _owner_of_dispatch(base: type) -> type | None:
    return next((each for each in base.__mro__ if "dispatch" in vars(each)), None)
