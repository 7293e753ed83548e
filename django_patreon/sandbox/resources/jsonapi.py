"""Patreon's JSON:API documents. They contain only the fields and includes of the request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.web.errors import api_error
from django_patreon.sandbox.web.messages import JSON_API, Response, json_response
from django_patreon.sandbox.world.world import World

from .kinds import KINDS, find
from .schema import Related, Viewer

__all__ = [
    "InvalidParameter",
    "RenderContext",
    "Requested",
    "document",
    "list_document",
    "read_query",
    "single",
]

Tree = dict[str, "Tree"]


class InvalidParameter(Exception):
    """A query parameter with an unknown value, such as a field that does not exist."""

    def __init__(self, parameter: str, value: str) -> None:
        super().__init__(f"Invalid parameter for '{parameter}': {value}.")
        self.parameter = parameter

    def response(self) -> Response:
        """Return Patreon's 400. `code_name` is observed; the code and the texts are unknown."""
        return api_error(
            400,
            code=1,
            code_name="ParameterInvalidOnType",
            title=f"Invalid value for parameter '{self.parameter}'.",
            detail=str(self),
            source={"parameter": self.parameter},
        )


@dataclass
class Requested:
    """The requested attributes of each type, and the relations to include."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    include: Tree = field(default_factory=dict)


def read_query(query: Iterable[tuple[str, str]], *, root: str) -> Requested:
    """Read `fields[...]` and `include` for a document about `root`.

    Raises `InvalidParameter` for the first unknown type, field or include.
    """
    requested = Requested()
    for name, value in query:
        if name == "include":
            for path in filter(None, value.split(",")):
                _follow(requested.include, path, root)
        elif name.startswith("fields[") and name.endswith("]"):
            kind = name[len("fields[") : -1]
            requested.fields.setdefault(kind, []).extend(_fields(name, kind, value))
    return requested


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
class RenderContext:
    """What a document depends on, besides the resource and the query."""

    world: World
    url: str
    viewer: Viewer
    settings: Settings


def document(context: RenderContext, root: Related, requested: Requested) -> Response:
    """Return the response about one resource, with the includes of the request."""
    return json_response(single(context, root, requested), kind=JSON_API)


def single(context: RenderContext, root: Related, requested: Requested) -> dict[str, Any]:
    """Return the JSON document about one resource."""
    page = _Document(context, requested, roots=[root])
    body: dict[str, Any] = {"data": page.resource(root)}
    included = page.included()
    if included:
        body["included"] = included
    body["links"] = {"self": page.link(root)}
    return body


def list_document(
    context: RenderContext,
    roots: Sequence[Related],
    requested: Requested,
    *,
    meta: dict[str, Any],
    links: dict[str, Any] | None = None,
    items: Sequence[Any] = (),
) -> Response:
    """Return the response about many resources of one type, with includes and paging.

    `items` are the objects of `roots`, if the caller has them already.
    """
    page = _Document(context, requested, roots=roots, items=items)
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


class _Document:
    """Renders the resources of one document. Each resource is included once."""

    def __init__(
        self,
        context: RenderContext,
        requested: Requested,
        *,
        roots: Sequence[Related],
        items: Sequence[Any] = (),
    ) -> None:
        self.world, self.url, self.viewer = context.world, context.url, context.viewer
        self.settings, self.requested = context.settings, requested
        self.roots = frozenset(roots)
        self._found: dict[Related, Any] = dict(zip(roots, items, strict=False))
        self._targets_of: dict[tuple[Related, str], list[Related] | Related | None] = {}
        self._relations: dict[Related, dict[str, None]] = {}
        self._collect(roots)

    def _collect(self, roots: Sequence[Related]) -> None:
        """Find the relations that each resource shows, over all include paths.

        A path may be long and return to where it was (`tiers.campaign.tiers`), so this does not
        recurse, and takes each step from each resource once.
        """
        waiting = [(root, self.requested.include) for root in reversed(roots)]
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
        """Return all resources but the roots, in the order in which the includes reach them."""
        return [self.resource(key) for key in self._relations if key not in self.roots]

    def resource(self, key: Related) -> dict[str, Any]:
        """Return one resource: its requested attributes and the relations to include."""
        kind, item = KINDS[key[0]], self._item(key)
        shown: dict[str, Any] = {}
        for name in self.requested.fields.get(key[0], ()):
            if name not in kind.needs_email_scope or self._shows_address(key):
                shown[name] = kind.attributes[name].compute(self.world, item)
            elif self.settings.email_without_scope == "null":
                shown[name] = None
            # Otherwise the attribute is left out ("not received": official).
        if self.settings.masked_members and key[0] == "member":
            shown.update(dict.fromkeys(shown.keys() & {"email", "full_name"}))
        cadence = shown.get("pledge_cadence")
        if self.settings.pledge_cadence == "text" and cadence is not None:
            shown["pledge_cadence"] = str(cadence)
        if self.settings.extra_fields:
            shown["sandbox_unheard_of"] = {"since": "tomorrow"}
        result: dict[str, Any] = {"attributes": shown, "id": key[1], "type": key[0]}
        names = list(self._relations[key])
        if self.settings.entitled_tiers == "absent" and "currently_entitled_tiers" in names:
            names.remove("currently_entitled_tiers")
        if names:
            result["relationships"] = {name: self._relation(key, name) for name in names}
        return result

    def _shows_address(self, key: Related) -> bool:
        """May the viewer see the e-mail address of this user or member?

        `identity[email]` shows the viewer's own, `campaigns.members[email]` those of members
        (official). No scope shows the address of another user resource.
        """
        if key[0] == "user":
            return key[1] == self.viewer.user_id and "identity[email]" in self.viewer.scopes
        return self.viewer.email_scope in self.viewer.scopes

    def link(self, key: Related) -> str:
        """Return the URL of a resource."""
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
        """Return the object of a reference. It is found once per document: some are computed."""
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
            if name == "user" and self.settings.masked_members:
                return None
            if name == "currently_entitled_tiers" and self.settings.entitled_tiers != "listed":
                return None
        relation = KINDS[key[0]].relations[name]
        return relation.compute(self.world, self._item(key), self.viewer)

    def _targets(self, key: Related, name: str) -> list[Related]:
        found = self._related(key, name)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]
