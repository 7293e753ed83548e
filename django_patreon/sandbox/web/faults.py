"""Faults: wrong answers of Patreon, for the next requests or for a share of all requests."""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import api_error, edge_block, edge_page, throttled, unauthorized
from .messages import JSON_API, Request, Response, json_response

__all__ = ["FAULTS", "Fault", "Faults"]

FAULTS = {
    "http_500_html": "500 with a web page",
    "http_503_html": "503 with a web page",
    "http_504_empty": "504 with an empty body",
    "http_403_html": "403 with the edge's challenge page",
    "http_400": "400 in the API's error shape",
    "http_401": "401, whatever the token",
    "http_404": "404 in the API's error shape",
    "http_429": "429 with retry_after_seconds (`retry_after`) in the body and in Retry-After",
    "http_429_edge": "429 of the edge: `retry_after`, without code, id and status",
    "http_429_empty": "429 with an empty body and no Retry-After",
    "oauth_error": '401 with {"error": `error`}',
    "slow": "the right answer after `seconds`",
    "timeout": "no answer for `seconds` (30), then the connection closes",
    "reset": "the connection closes without an answer",
    "cut": "the first half of the right answer, then the connection closes",
    "empty": "200 with an empty body",
    "null": "200 with the JSON null",
    "list": "200 with a JSON list",
    "html_200": "200 with a web page",
    "errors_200": "200 with errors in the API's shape",
    "big_body": "200 with JSON of `megabytes` (5)",
    "custom": "`status`, `headers` and `body` (text) or `body_base64`",
}
# With these, Patreon handles the request, and only the answer is late, lost or broken. With the
# others, the request is not handled.
_AFTER_HANDLING = frozenset({"slow", "timeout", "reset", "cut"})
# The options of a kind, besides `kind`, `path`, `times` and `share`.
_OPTIONS = {
    "http_429": ("retry_after",),
    "http_429_edge": ("retry_after",),
    "oauth_error": ("error",),
    "slow": ("seconds",),
    "timeout": ("seconds",),
    "big_body": ("megabytes",),
    "custom": ("status", "headers", "body", "body_base64"),
}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")


@dataclass(kw_only=True)
class Fault:
    """A fault of `kind` for `times` requests under `path`, or for a `share` of them (0 to 1)."""

    kind: str
    path: str = "/api/"
    times: int | None = 1
    share: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check all values, so that `apply` cannot fail later. Raises `ValueError`."""
        if self.kind not in FAULTS:
            raise ValueError(f"kind must be one of: {', '.join(FAULTS)}")
        known = _OPTIONS.get(self.kind, ())
        for name in self.options:
            if name not in known:
                names = ", ".join(("kind", "path", "times", "share", *known))
                raise ValueError(f"{name[:40]!r} is not known; {self.kind} takes: {names}")
        if not self.path.startswith("/"):
            raise ValueError("path must begin with /")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if not 0 < self.share <= 1:
            raise ValueError("share must be above 0 and at most 1")
        self.apply(Response(status=200, body=b"{}"))

    @classmethod
    def read(cls, given: Any) -> Fault:
        """Return the fault that a JSON document describes. Raises `ValueError`."""
        kind = given.get("kind") if isinstance(given, dict) else None
        if not isinstance(kind, str):
            raise ValueError(f"kind must be one of: {', '.join(FAULTS)}")
        options = dict(given)
        del options["kind"]
        path = options.pop("path", "/api/")
        share = options.pop("share", None)
        times = options.pop("times", 1 if share is None else None)
        if not isinstance(path, str):
            raise ValueError("path must begin with /")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int)):
            raise ValueError("times must be a whole number, or null for no end")
        share = 1.0 if share is None else share
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise ValueError("share must be above 0 and at most 1")
        return cls(kind=kind, path=path, times=times, share=share, options=options)

    @property
    def is_after_handling(self) -> bool:
        """Is the request handled all the same? Then its code is used, its token rotated."""
        return self.kind in _AFTER_HANDLING

    def apply(self, response: Response) -> Response:
        """Return the response that is sent in place of this one."""
        option = self.options.get
        match self.kind:
            case "http_500_html":
                return edge_page(500, "Internal Server Error")
            case "http_503_html":
                return edge_page(503, "Service Unavailable")
            case "http_504_empty":
                return Response(status=504)
            case "http_403_html":
                return edge_page(403, "Attention Required!")
            case "http_400":
                return api_error(400, code_name="BadRequest")
            case "http_401":
                return unauthorized()
            case "http_404":
                return api_error(404, code_name="NotFound")
            case "http_429":
                return throttled(int(_number(option("retry_after", 1))))
            case "http_429_edge":
                return edge_block(int(_number(option("retry_after", 1800))))
            case "http_429_empty":
                return Response(status=429)
            case "oauth_error":
                error = option("error", "invalid_grant")
                if not isinstance(error, str):
                    raise ValueError("error must be text")
                return json_response({"error": error}, status=401)
            case "slow":
                response.delay = _number(option("seconds", 1))
                return response
            case "timeout":
                return Response(status=200, delay=_number(option("seconds", 30)), reset=True)
            case "reset":
                return Response(status=200, reset=True)
            case "cut":
                response.cut_after = len(response.body) // 2
                return response
            case "empty":
                return Response(status=200, headers=[("Content-Type", JSON_API)])
            case "null":
                return json_response(None, kind=JSON_API)
            case "list":
                return json_response([], kind=JSON_API)
            case "html_200":
                return edge_page(200, "Checking your browser")
            case "errors_200":
                broken = api_error(500, code_name="InternalServerError")
                return replace(broken, status=200)
            case "big_body":
                size = int(_number(option("megabytes", 5), most=50) * 1_000_000)
                return json_response({"data": "x" * size}, kind=JSON_API)
        return _custom(self.options)


def _custom(options: dict[str, Any]) -> Response:
    status, headers = options.get("status", 200), options.get("headers", {})
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError("status must be 200 to 599")
    if not isinstance(headers, dict):
        raise ValueError("headers must be an object")
    if not all(_HEADER.fullmatch(f"{name}: {value}") for name, value in headers.items()):
        raise ValueError("headers must be names and values that HTTP can carry")
    try:
        body = base64.b64decode(options["body_base64"]) if "body_base64" in options else None
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError("body_base64 must be base64") from error
    text = options.get("body", "")
    if body is None:
        body = (text if isinstance(text, str) else json.dumps(text)).encode(
            "utf-8", "surrogatepass"
        )
    return Response(
        status=status, headers=[(str(key), str(value)) for key, value in headers.items()], body=body
    )


def _number(value: Any, *, most: float = 3600) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"seconds and sizes must be numbers from 0 to {most}")
    return float(value)


class Faults:
    """The active faults. The first one that matches a request is used."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311  (the same in every run)
        self.armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Activate a fault."""
        self.armed.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self.armed.clear()

    def take(self, request: Request) -> Fault | None:
        """Return the fault for this request, or None, and count it as used."""
        for fault in self.armed:
            if not request.path.startswith(fault.path) or self._random.random() >= fault.share:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.armed.remove(fault)
            return fault
        return None
