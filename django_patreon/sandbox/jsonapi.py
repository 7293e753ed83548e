"""JSON:API as Patreon speaks it: nothing unasked, and an error for the first wrong word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .http import JSON_API, Response, api_error, json_response
from .kinds import KINDS, find
from .schema import Related, Viewer
from .switches import Switches
from .world import World

__all__ = [
    "Asked",
    "InvalidParameter",
    "Sight",
    "document",
    "list_document",
    "read_query",
    "single",
]

Tree = dict[str, "Tree"]


class InvalidParameter(Exception):
    """A field or include that does not exist; `response()` is Patreon's 400 for it."""

    def __init__(self, parameter: str, value: str) -> None:
        super().__init__(f"Invalid parameter for '{parameter}': {value}.")
        self.parameter = parameter

    def response(self) -> Response:
        """The name is observed; number and texts are unknown."""
        return api_error(
            400,
            code=1,
            code_name="ParameterInvalidOnType",
            title=f"Invalid value for parameter '{self.parameter}'.",
            detail=str(self),
            source={"parameter": self.parameter},
        )


@dataclass
class Asked:
    """Which attributes of which type, and which relations to follow."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    include: Tree = field(default_factory=dict)


def read_query(query: Iterable[tuple[str, str]], *, root: str) -> Asked:
    """Read `fields[...]` and `include` for a document about `root`.

    Raises `InvalidParameter` for the first unknown type, field or include.
    """
    asked = Asked()
    for name, value in query:
        if name == "include":
            for path in filter(None, value.split(",")):
                _follow(asked.include, path, root)
        elif name.startswith("fields[") and name.endswith("]"):
            kind = name[len("fields[") : -1]
            asked.fields.setdefault(kind, []).extend(_fields(name, kind, value))
    return asked


def _fields(name: str, kind: str, value: str) -> list[str]:
    if kind not in KINDS:
        raise InvalidParameter(name, kind)
    known = KINDS[kind].attributes
    wanted = [each.strip() for each in value.split(",") if each.strip()]
    for each in wanted:
        if each not in known:
            raise InvalidParameter(name, each)
    return wanted


def _follow(tree: Tree, path: str, root: str) -> None:
    kind = root
    for step in path.split("."):
        relation = KINDS[kind].relations.get(step) if kind in KINDS else None
        if relation is None:
            raise InvalidParameter("include", path)
        tree = tree.setdefault(step, {})
        kind = relation.kind


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a document is rendered from: the world, as one viewer sees it under the switches."""

    world: World
    url: str
    viewer: Viewer
    switches: Switches


def document(sight: Sight, root: Related, asked: Asked) -> Response:
    """Answer with one resource, and what was asked to come along."""
    return json_response(single(sight, root, asked), kind=JSON_API)


def single(sight: Sight, root: Related, asked: Asked) -> dict[str, Any]:
    """The document about one resource."""
    page = _Page(sight, asked, roots=[root])
    body: dict[str, Any] = {"data": page.resource(root)}
    included = page.included()
    if included:
        body["included"] = included
    body["links"] = {"self": page.link(root)}
    return body


def list_document(
    sight: Sight,
    roots: Sequence[Related],
    asked: Asked,
    *,
    meta: dict[str, Any],
    links: dict[str, Any] | None = None,
    items: Sequence[Any] = (),
) -> Response:
    """Answer with many resources of one type, what was asked to come along, and the paging.

    `items` are the objects behind `roots`, where they are at hand.
    """
    page = _Page(sight, asked, roots=roots, items=items)
    body: dict[str, Any] = {
        "data": [page.resource(each) for each in roots],
        "meta": {"pagination": meta},
    }
    included = page.included()
    if included:
        body["included"] = included
    if links is not None:
        body["links"] = links
    return json_response(body, kind=JSON_API)


class _Page:
    """Renders the resources of one document; each is included once."""

    def __init__(
        self, sight: Sight, asked: Asked, *, roots: Sequence[Related], items: Sequence[Any] = ()
    ) -> None:
        self.world, self.url, self.viewer = sight.world, sight.url, sight.viewer
        self.switches, self.asked = sight.switches, asked
        self.roots = frozenset(roots)
        self._found: dict[Related, Any] = dict(zip(roots, items, strict=False))
        self._targets_of: dict[tuple[Related, str], list[Related] | Related | None] = {}
        self._relations: dict[Related, dict[str, None]] = {}
        self._collect(roots)

    def _collect(self, roots: Sequence[Related]) -> None:
        """Note which relations each resource shows, merging what different paths ask of it.

        Paths may be long and turn in circles (`tiers.campaign.tiers`), so this does not recurse
        and takes each step from each resource once.
        """
        waiting = [(root, self.asked.include) for root in reversed(roots)]
        taken: set[tuple[Related, int]] = set()
        while waiting:
            key, tree = waiting.pop()
            if (key, id(tree)) in taken:
                continue
            taken.add((key, id(tree)))
            self._relations.setdefault(key, {}).update(dict.fromkeys(tree))
            steps = [
                (target, below)
                for name, below in tree.items()
                for target in self._targets(key, name)
            ]
            waiting += reversed(steps)

    def included(self) -> list[dict[str, Any]]:
        """All but the roots, in the order in which the includes reach them."""
        return [self.resource(key) for key in self._relations if key not in self.roots]

    def resource(self, key: Related) -> dict[str, Any]:
        """One resource: the attributes that were asked for, the relations that are shown."""
        kind, item = KINDS[key[0]], self._item(key)
        shown: dict[str, Any] = {}
        for name in self.asked.fields.get(key[0], ()):
            if name not in kind.needs_email_scope or self._shows_address(key):
                shown[name] = kind.attributes[name].compute(self.world, item)
            elif self.switches.email_without_scope == "null":
                shown[name] = None
            # Else it is left out ("not received": official).
        if self.switches.masked_members and key[0] == "member":
            shown.update(dict.fromkeys(shown.keys() & {"email", "full_name"}))
        cadence = shown.get("pledge_cadence")
        if self.switches.pledge_cadence == "text" and cadence is not None:
            shown["pledge_cadence"] = str(cadence)
        if self.switches.extra_fields:
            shown["sandbox_unheard_of"] = {"since": "tomorrow"}
        result: dict[str, Any] = {"attributes": shown, "id": key[1], "type": key[0]}
        names = list(self._relations[key])
        if self.switches.entitled_tiers == "absent" and "currently_entitled_tiers" in names:
            names.remove("currently_entitled_tiers")
        if names:
            result["relationships"] = {name: self._relation(key, name) for name in names}
        return result

    def _shows_address(self, key: Related) -> bool:
        """May this viewer see the address of this user or member?

        `identity[email]` opens one's own user, `campaigns.members[email]` the members (official).
        Neither names other people's users, so those stay shut.
        """
        if key[0] == "user":
            return key[1] == self.viewer.user_id and "identity[email]" in self.viewer.scopes
        return self.viewer.email_scope in self.viewer.scopes

    def link(self, key: Related) -> str:
        """Where a resource says it lives."""
        return f"{self.url}/api/oauth2/v2/{KINDS[key[0]].path}/{key[1]}"

    def _relation(self, key: Related, name: str) -> dict[str, Any]:
        # To-one relations carry a link, to-many only data (observed).
        found = self._related(key, name)
        if found is None:
            return {"data": None}
        if isinstance(found, list):
            return {"data": [{"id": each[1], "type": each[0]} for each in found]}
        return {
            "data": {"id": found[1], "type": found[0]},
            "links": {"related": self.link(found)},
        }

    def _item(self, key: Related) -> Any:
        """The object behind a reference, looked up once: some are computed."""
        if key not in self._found:
            self._found[key] = find(self.world, *key)
        return self._found[key]

    def _related(self, key: Related, name: str) -> list[Related] | Related | None:
        at = (key, name)
        if at not in self._targets_of:
            self._targets_of[at] = self._compute(key, name)
        return self._targets_of[at]

    def _compute(self, key: Related, name: str) -> list[Related] | Related | None:
        if key[0] == "member":
            if name == "user" and self.switches.masked_members:
                return None
            if name == "currently_entitled_tiers" and self.switches.entitled_tiers != "listed":
                return None
        relation = KINDS[key[0]].relations[name]
        return relation.compute(self.world, self._item(key), self.viewer)

    def _targets(self, key: Related, name: str) -> list[Related]:
        found = self._related(key, name)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]
