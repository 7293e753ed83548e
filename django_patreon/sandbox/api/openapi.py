"""An OpenAPI 3.1 description of API v2, made from the tables that serve it."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.oauth.tokens import SCOPES
from django_patreon.sandbox.resources.kinds import KINDS
from django_patreon.sandbox.resources.kinds.posts import LIVE_STATES
from django_patreon.sandbox.web.messages import JSON_API
from django_patreon.sandbox.webhooks.queue import TRIGGERS

from .openapi_schemas import document, errors, reference, resource
from .v2 import PREFIX, ROUTES, Route

__all__ = ["description"]

_PAGED = ("members", "posts")


def description(url: str) -> dict[str, Any]:
    """Return the description of API v2 and the token endpoint, served at `url`."""
    paths: dict[str, Any] = {"/api/oauth2/token": {"post": _token()}}
    for route in ROUTES:
        path = PREFIX + route.pattern.replace("([^/]{1,64})", "{id}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    schemas: dict[str, Any] = {"errors": errors()}
    for name, kind in KINDS.items():
        schemas[name] = resource(name, kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Patreon API v2, as the sandbox serves it",
            "version": "2",
            "description": "Made from the sandbox's tables. Patreon publishes no such description;"
            " what is unknown about Patreon is a guess.",
        },
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": _shared_parameters(),
            "securitySchemes": {
                "patreon": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{url}/oauth2/authorize",
                            "tokenUrl": f"{url}/api/oauth2/token",
                            "refreshUrl": f"{url}/api/oauth2/token",
                            "scopes": SCOPES,
                        }
                    },
                }
            },
        },
    }


def _operation(route: Route, path: str) -> dict[str, Any]:
    many = path.endswith(("/campaigns", "/members", "/posts", "/webhooks"))
    many = many and route.method == "GET"
    answers: dict[str, Any] = {}
    if route.method == "DELETE":
        answers["204"] = {"description": "Deleted."}
    else:
        answer = _content(document(route.kind, many), "The requested document.")
        answers["200"] = answer
        if route.method == "POST":
            answers["201"] = answer
    wrong = _content({"$ref": "#/components/schemas/errors"}, "The error.")
    refusals = ("400", "401", "403", "404", "405", "413", "429")
    answers |= dict.fromkeys(refusals, wrong)
    answers["403"] = {
        "description": "Another creator's; or a web page of the edge that refuses the request.",
        "content": {
            JSON_API: {"schema": {"$ref": "#/components/schemas/errors"}},
            "text/html": {"schema": {"type": "string"}},
        },
    }
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{route.handler.__name__}"
        + ("_one" if "{id}" in path else ""),
        "tags": [route.kind],
        "security": [{"patreon": [route.scope]}],
        "parameters": _parameters(route, path),
        "responses": answers,
    }
    if route.method in ("POST", "PATCH"):
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _body(route)}},
        }
    return operation


def _parameters(route: Route, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{id}" in path:
        found.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if route.method == "DELETE":
        return found
    found += [{"$ref": f"#/components/parameters/fields-{each}"} for each in _reachable(route.kind)]
    found.append({"$ref": f"#/components/parameters/include-{route.kind}"})
    if path.endswith(_PAGED):
        found += [
            # Any text is accepted. One that is not a valid number counts as the largest page.
            {"name": "page[count]", "in": "query", "schema": {"type": "string"}},
            {"name": "page[cursor]", "in": "query", "schema": {"type": "string"}},
        ]
    return found


def _shared_parameters() -> dict[str, Any]:
    """Return the parameters that many operations have: the fields and includes of each type."""
    shared = {}
    for name, kind in KINDS.items():
        known = sorted(kind.attributes)
        shared[f"fields-{name}"] = _list_parameter(
            f"fields[{name}]", known, "The attributes to return."
        )
    for name in sorted({route.kind for route in ROUTES}):
        shared[f"include-{name}"] = _list_parameter(
            "include", _paths(name), "The relations to include, two steps at most."
        )
    return shared


def _reachable(root: str) -> list[str]:
    """Return the types that a document about `root` can contain."""
    found, waiting = {root}, [root]
    while waiting:
        for relation in KINDS[waiting.pop()].relations.values():
            if relation.kind in KINDS and relation.kind not in found:
                found.add(relation.kind)
                waiting.append(relation.kind)
    return sorted(found)


def _paths(root: str) -> list[str]:
    """Return the includes of one and two steps. Longer ones are valid, too."""
    found = []
    for name, relation in KINDS[root].relations.items():
        below = KINDS[relation.kind].relations if relation.kind in KINDS else ()
        found += [name, *(f"{name}.{each}" for each in below)]
    return sorted(found)


def _list_parameter(name: str, known: list[str], text: str) -> dict[str, Any]:
    items = {"type": "string", "enum": known}
    return {
        "name": name,
        "in": "query",
        "description": f"{text} Known: {', '.join(known)}.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": items},
    }


def _content(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON_API: {"schema": schema}}}


def _body(route: Route) -> dict[str, Any]:
    attributes: dict[str, Any]
    if route.kind == "webhook":
        attributes = {
            "triggers": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "enum": list(TRIGGERS)},
            },
            "uri": {"type": "string", "pattern": "^https://[a-z0-9.-]+/[!-~]*$"},
        }
        needed = ["triggers", "uri"]
        if route.method == "PATCH":
            attributes["paused"] = {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
            needed = []
    else:
        attributes = {
            "state": {"type": "string", "enum": list(LIVE_STATES)},
            "title": {"type": ["string", "null"]},
            "description": {"type": ["string", "null"]},
            "scheduled_for": {"type": ["string", "null"], "format": "date-time"},
            "live_access_rule_ids": {"type": "array", "items": {"type": "string"}},
        }
        needed = ["state"]
    data: dict[str, Any] = {
        "type": "object",
        "required": ["type", "attributes"],
        "properties": {
            "type": {"const": route.kind},
            "attributes": {"type": "object", "required": needed, "properties": attributes},
        },
    }
    if route.kind == "webhook" and route.method == "POST":
        data["required"].append("relationships")
        data["properties"]["relationships"] = {
            "type": "object",
            "required": ["campaign"],
            "properties": {
                "campaign": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"data": reference("campaign")},
                }
            },
        }
    return {"type": "object", "required": ["data"], "properties": {"data": data}}


def _token() -> dict[str, Any]:
    text = {"type": "string"}
    names = ("code", "redirect_uri", "refresh_token", "client_id", "client_secret")
    form = {
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"enum": ["authorization_code", "refresh_token"]},
            **dict.fromkeys(names, text),
        },
    }
    pair = {
        "type": "object",
        "required": ["access_token", "expires_in", "refresh_token", "scope", "token_type"],
        "properties": {
            **dict.fromkeys(
                ("access_token", "refresh_token", "scope", "token_type", "version"), text
            ),
            "expires_in": {"type": "integer"},
        },
    }
    refusal = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": text, "error_description": text},
    }

    def answer(schema: dict[str, Any], text: str) -> dict[str, Any]:
        return {"description": text, "content": {"application/json": {"schema": schema}}}

    return {
        "operationId": "token",
        "tags": ["oauth"],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": form}},
        },
        "responses": {
            "200": answer(pair, "A pair of tokens."),
            "400": answer(refusal, "A parameter is missing."),
            "401": answer(refusal, "An invalid code, token or client."),
            "403": {"description": "No User-Agent.", "content": {"text/html": {"schema": text}}},
        },
    }
