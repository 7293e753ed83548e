"""The whole dance, as a browser does it; the site is Django's test client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import requests
import responses
from django.contrib.auth import get_user_model
from django.test import Client

from django_patreon.sandbox import Fault, Request, Sandbox

PATREON = "https://www.patreon.com"
EVERYTHING = re.compile(re.escape(PATREON))
TOKEN = f"{PATREON}/api/oauth2/token"
IDENTITY = f"{PATREON}/api/oauth2/v2/identity"


def wire(mock: responses.RequestsMock, sandbox: Sandbox) -> None:
    """Let every request that the site makes to Patreon end in the sandbox, without a socket."""

    def answer(request: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        body = request.body or b""
        response = sandbox.handle(
            Request(
                method=request.method,
                target=request.url.removeprefix(PATREON),
                headers=dict(request.headers),
                body=body.encode() if isinstance(body, str) else body,
            )
        )
        if response.reset:
            raise requests.ConnectTimeout if response.delay else requests.ConnectionError
        return response.status, response.headers, response.body[: response.cut_after]

    for method in (responses.GET, responses.POST, responses.PATCH, responses.DELETE):
        mock.add_callback(method, EVERYTHING, callback=answer)


@dataclass
class Dance:
    """One browser, on its way through the site and Patreon."""

    sandbox: Sandbox
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        # The sandbox knows local sites only.
        self.client.defaults["HTTP_HOST"] = "localhost"

    def begin(self, next: str = "") -> str:
        """Press the button; return the address at Patreon that the browser is sent to."""
        data = {"next": next} if next else {}
        response = self.client.post("/login/patreon/", data)
        assert response.status_code == 302, response.content
        return str(response["Location"])

    def consent(self, address: str, **choice: str) -> str:
        """Choose at Patreon; return the callback, as path and query on the site."""
        parts = urlsplit(address)
        given = dict(parse_qsl(parts.query))
        target = f"{parts.path}?{urlencode(given | choice)}"
        response = self.sandbox.handle(Request(method="GET", target=target))
        assert response.status == 302, response.body
        back = urlsplit(response.header("Location"))
        return f"{back.path}?{back.query}"

    def finish(self, callback: str) -> Any:
        return self.client.get(callback)

    def sign_in(self, slug: str, next: str = "") -> Any:
        """Everything, as this person."""
        return self.finish(self.consent(self.begin(next), sandbox_user=slug))

    def order(self, kind: str, **options: Any) -> None:
        """Order a fault at Patreon for the next request."""
        self.sandbox.faults.arm(Fault.read({"kind": kind, **options}))

    @property
    def user(self) -> Any:
        """Who is signed in, or None."""
        key = self.client.session.get("_auth_user_id")
        return get_user_model().objects.get(pk=key) if key else None


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
