"""The schemas of the OpenAPI description: resources, documents and errors."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.resources.kinds import KINDS
from django_patreon.sandbox.resources.schema import Attribute, Kind

__all__ = ["document", "errors", "reference", "resource"]

_TYPES: dict[str, dict[str, Any]] = {
    "s": {"type": "string"},
    "i": {"type": "integer"},
    "b": {"type": "boolean"},
    "d": {"type": "string", "format": "date-time"},
    "o": {"type": "object"},
    "[s]": {"type": "array", "items": {"type": "string"}},
    "[i]": {"type": "array", "items": {"type": "integer"}},
}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    schema = dict(_TYPES[attribute.type.rstrip("?")])
    if attribute.type.endswith("?"):
        schema["type"] = [schema["type"], "null"]
    if attribute.examples:
        # Examples, not an enum: Patreon may add other values.
        schema["examples"] = list(attribute.examples)
    return schema


def resource(name: str, kind: Kind) -> dict[str, Any]:
    """Return the schema of a resource of this type."""
    relationships = {
        key: {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": (
                    {"type": ["array", "null"], "items": reference(relation.kind)}
                    if relation.many
                    else {"anyOf": [reference(relation.kind), {"type": "null"}]}
                ),
                "links": {"type": "object", "properties": {"related": {"type": "string"}}},
            },
        }
        for key, relation in kind.relations.items()
    }
    return {
        "type": "object",
        "required": ["attributes", "id", "type"],
        "properties": {
            "id": {"type": "string"},
            "type": {"const": name},
            "attributes": {
                "type": "object",
                "properties": {key: _attribute(each) for key, each in kind.attributes.items()},
            },
            "relationships": {"type": "object", "properties": relationships},
        },
    }


def reference(kind: str) -> dict[str, Any]:
    """Return the schema of a reference to a resource of this type."""
    return {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": {"type": "string"}, "type": {"const": kind}},
    }


def errors() -> dict[str, Any]:
    """Return the schema of the API's errors."""
    text, number = {"type": "string"}, {"type": ["integer", "null"]}
    return {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["code", "code_name", "detail", "id", "status", "title"],
                    "properties": {
                        **dict.fromkeys(("code_name", "detail", "id", "status", "title"), text),
                        "code": number,
                        "retry_after_seconds": {"type": "integer"},
                        "source": {"type": "object"},
                    },
                },
            }
        },
    }


def document(kind: str, many: bool) -> dict[str, Any]:
    """Return the schema of a document about one resource, or about many."""
    one = {"$ref": f"#/components/schemas/{kind}"}
    any_kind = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in KINDS]}
    properties: dict[str, Any] = {
        "data": {"type": "array", "items": one} if many else one,
        "included": {"type": "array", "items": any_kind},
        "links": {"type": "object"},
    }
    required = ["data"]
    if many:
        required.append("meta")
        properties["meta"] = {
            "type": "object",
            "required": ["pagination"],
            "properties": {
                "pagination": {
                    "type": "object",
                    "required": ["total"],
                    "properties": {
                        "total": {"type": "integer"},
                        "cursors": {
                            "type": "object",
                            "properties": {"next": {"type": ["string", "null"]}},
                        },
                    },
                }
            },
        }
    return {"type": "object", "required": required, "properties": properties}
