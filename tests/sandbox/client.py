"""Requests to the sandbox, as a client sends them, and the bodies of some."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django_patreon.sandbox import Request, Response, Sandbox

BACK = "http://localhost:8000/back?kept=1"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
AGENT = {"User-Agent": "a client"}
FORM = {**AGENT, "Content-Type": "application/x-www-form-urlencoded"}

HOME = "4410027"
MEMBERS = [
    "members:create",
    "members:update",
    "members:delete",
    "members:pledge:create",
    "members:pledge:update",
    "members:pledge:delete",
]


def authorize_target(**given: str | None) -> str:
    query = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": BACK,
        "scope": "identity identity[email]",
        "state": "xyz",
        **given,
    }
    present = {name: value for name, value in query.items() if value is not None}
    return f"/oauth2/authorize?{urlencode(present)}"


def authorize(sandbox: Sandbox, **given: str | None) -> Response:
    return sandbox.handle(Request(method="GET", target=authorize_target(**given)))


def query_of(response: Response) -> dict[str, str]:
    query = parse_qs(urlsplit(response.header("Location")).query)
    return {name: values[0] for name, values in query.items()}


def code_for(sandbox: Sandbox, slug: str = "gold", **given: str | None) -> str:
    return query_of(authorize(sandbox, sandbox_user=slug, **given))["code"]


def token(sandbox: Sandbox, **form: str) -> Response:
    body = urlencode({**CLIENT, **form}).encode()
    return sandbox.handle(
        Request(method="POST", target="/api/oauth2/token", headers=FORM, body=body)
    )


def exchange(sandbox: Sandbox, code: str, /, **but: str) -> Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return token(sandbox, **{**form, **but})


def refresh(sandbox: Sandbox, refresh_token: str) -> Response:
    return token(sandbox, grant_type="refresh_token", refresh_token=refresh_token)


def tokens_for(sandbox: Sandbox, slug: str = "gold", **given: str | None) -> dict[str, Any]:
    return dict(exchange(sandbox, code_for(sandbox, slug, **given)).json())


def get(sandbox: Sandbox, access_token: str, path: str = "/identity", query: str = "") -> Response:
    headers = {**AGENT, "Authorization": f"Bearer {access_token}"}
    target = f"/api/oauth2/v2{path}{'?' if query else ''}{query}"
    return sandbox.handle(Request(method="GET", target=target, headers=headers))


def send(sandbox: Sandbox, access_token: str, method: str, path: str, body: Any = None) -> Response:
    """Call the API with a JSON body."""
    headers = {
        **AGENT,
        "Authorization": f"Bearer {access_token}",
        "Content-Type": "application/json",
    }
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    target = f"/api/oauth2/v2{path}"
    return sandbox.handle(Request(method=method, target=target, headers=headers, body=data))


def control(sandbox: Sandbox, method: str, path: str, body: Any = None) -> Response:
    """Use one of the controls of the sandbox."""
    return sandbox.handle(
        Request(
            method=method,
            target=f"/_sandbox/{path}",
            headers={"Content-Type": "application/json"},
            body=b"" if body is None else json.dumps(body).encode(),
        )
    )


def act(sandbox: Sandbox, user: str, do: str, **given: Any) -> Any:
    """Let somebody act; return the member as it is then."""
    response = control(sandbox, "POST", "members", {"user": user, "do": do, **given})
    assert response.status == 200, response.json()
    return response.json()["member"]


def webhook_body(uri: str, triggers: Any = None, campaign: str = HOME) -> Any:
    """The body that makes a webhook."""
    return {
        "data": {
            "type": "webhook",
            "attributes": {"uri": uri, "triggers": MEMBERS if triggers is None else triggers},
            "relationships": {"campaign": {"data": {"type": "campaign", "id": campaign}}},
        }
    }


def patch_body(key: str, **attributes: Any) -> Any:
    """The body that changes a webhook."""
    return {"data": {"id": key, "type": "webhook", "attributes": attributes}}


def send_all(sandbox: Sandbox) -> None:
    """Wait until all webhooks that are due were answered."""
    assert sandbox.sender.send_all(seconds=10)


def webhook_state(sandbox: Sandbox, creator: str, hook: Any) -> dict[str, Any]:
    """The attributes of a webhook, as the API shows them."""
    response = send(sandbox, creator, "GET", f"/webhooks/{hook['id']}")
    return dict(response.json()["data"]["attributes"])
