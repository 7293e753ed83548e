"""A Patreon at which a site has two clients: a sandbox for each."""

from __future__ import annotations

import json
from dataclasses import replace

from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.web.messages import Response

CLIENTS = {"sandbox-client": "sandbox-secret", "second-client": "second-secret"}


class TwoClients:
    """Leads each request to the sandbox of the client whose id or token it has."""

    def __init__(self, first: Sandbox, second: Sandbox) -> None:
        self.first, self.second = first, second
        self.tokens: set[str] = set()
        """The access tokens of the second client."""
        self.renewed: list[str] = []
        """The clients that renewed tokens, in order."""

    def handle(self, request: Request) -> Response:
        form, query = dict(request.form), dict(request.query)
        bearer = request.header("Authorization").removeprefix("Bearer ")
        named = (form.get("client_id"), query.get("client_id"))
        is_second = "second-client" in named or bearer in self.tokens
        if is_second:  # every sandbox knows its client by the same name
            body = request.body.replace(b"second-", b"sandbox-")
            target = request.target.replace("second-", "sandbox-")
            answer = self.second.handle(replace(request, body=body, target=target))
        else:
            answer = self.first.handle(request)
        if request.path.endswith("/token"):
            if is_second:
                self.tokens.add(json.loads(answer.body).get("access_token", ""))
            if form.get("grant_type") == "refresh_token":
                self.renewed.append(form["client_id"])
        return answer
