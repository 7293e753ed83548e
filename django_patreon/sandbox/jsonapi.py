"""JSON:API as Patreon speaks it: nothing unasked, and an error for the first wrong word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .documented import ATTRIBUTES
from .http import JSON_API, Response, api_error, json_response
from .kinds import KINDS
from .schema import Related, Viewer, find
from .world import World

__all__ = ["Asked", "InvalidParameter", "document", "list_document", "read_query"]

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
    known = KINDS[kind].attributes if kind in KINDS else ATTRIBUTES.get(kind)
    if known is None:
        raise InvalidParameter(name, kind)
    wanted = [each.strip() for each in value.split(",") if each.strip()]
    for each in wanted:
        if each not in known:
            raise InvalidParameter(name, each)
    return wanted


def _follow(tree: Tree, path: str, root: str) -> None:
    kind = root
    for step in path.split("."):
        known = KINDS.get(kind)
        if known is None or step not in {*known.relations, *known.unsupported_relations}:
            raise InvalidParameter("include", path)
        tree = tree.setdefault(step, {})
        kind = _KIND_OF_RELATION.get(step, "")


_KIND_OF_RELATION = {
    "benefits": "benefit",
    "campaign": "campaign",
    "creator": "user",
    "currently_entitled_tiers": "tier",
    "memberships": "member",
    "tiers": "tier",
    "user": "user",
}


def document(world: World, url: str, root: Related, asked: Asked, viewer: Viewer) -> Response:
    """Answer with one resource, and what was asked to come along."""
    page = _Page(world, url, asked, viewer, roots=[root])
    body: dict[str, Any] = {"data": page.resource(root)}
    included = page.included()
    if included:
        body["included"] = included
    body["links"] = {"self": page.link(root)}
    return json_response(body, kind=JSON_API)


def list_document(
    world: World,
    url: str,
    roots: Sequence[Related],
    asked: Asked,
    viewer: Viewer,
    *,
    meta: dict[str, Any],
    links: dict[str, Any] | None = None,
) -> Response:
    """Answer with many resources of one type, what was asked to come along, and the paging."""
    page = _Page(world, url, asked, viewer, roots=roots)
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
        self, world: World, url: str, asked: Asked, viewer: Viewer, *, roots: Sequence[Related]
    ) -> None:
        self.world, self.url, self.asked, self.viewer = world, url, asked, viewer
        self.roots = frozenset(roots)
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
        kind, item = KINDS[key[0]], find(self.world, *key)
        # An attribute whose scope is missing is left out, not null ("not received": official).
        shown = {
            name: kind.attributes[name](self.world, item)
            for name in self.asked.fields.get(key[0], ())
            if name not in kind.needs_email_scope or self._shows_address(key)
        }
        result: dict[str, Any] = {"attributes": shown, "id": key[1], "type": key[0]}
        relations = self._relations[key]
        if relations:
            result["relationships"] = {name: self._relation(key, name) for name in relations}
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

    def _related(self, key: Related, name: str) -> list[Related] | Related | None:
        kind = KINDS[key[0]]
        if name in kind.unsupported_relations:
            return None if name in ("address", "tier_image") else []
        return kind.relations[name](self.world, find(self.world, *key), self.viewer)

    def _targets(self, key: Related, name: str) -> list[Related]:
        found = self._related(key, name)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]
