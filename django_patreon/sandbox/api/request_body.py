"""The JSON:API bodies of requests that write."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.web.errors import api_error
from django_patreon.sandbox.web.messages import Request, Response
from django_patreon.sandbox.web.parsing import read_json

__all__ = ["InvalidBody", "campaign_id_of", "data_of"]


class InvalidBody(Exception):
    """A request has an invalid body. `pointer` says which part."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer

    def response(self) -> Response:
        """Return the 400. Its shape is documented; names, numbers and texts are unknown."""
        return api_error(
            400,
            code_name="BadRequest",
            title="Invalid request body.",
            detail=str(self),
            source={"pointer": self.pointer},
        )


def data_of(request: Request, kind: str) -> dict[str, Any]:
    """Return the `data` of a body about this resource type. Raises `InvalidBody`."""
    try:
        body = read_json(request.body)
    except ValueError:
        raise InvalidBody("", "The body is not JSON.") from None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise InvalidBody("/data", "data must be an object.")
    if data.get("type") != kind:
        raise InvalidBody("/data/type", f"type must be {kind}.")
    if not isinstance(data.get("attributes"), dict):
        raise InvalidBody("/data/attributes", "attributes must be an object.")
    return data


def campaign_id_of(data: dict[str, Any]) -> str:
    """Return the id of the campaign that a body relates to. Raises `InvalidBody`."""
    node: Any = data
    for step in ("relationships", "campaign", "data", "id"):
        node = node.get(step) if isinstance(node, dict) else None
    if not isinstance(node, str):
        raise InvalidBody("/data/relationships/campaign", "campaign must name a campaign.")
    return node
