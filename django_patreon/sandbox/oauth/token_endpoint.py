"""The token endpoint, and the revocation of tokens."""

from __future__ import annotations

import base64
import binascii
import secrets

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.web.errors import api_error
from django_patreon.sandbox.web.messages import Request, Response, json_response

from .tokens import CLIENT_ID, CLIENT_SECRET, SCOPES, TOKEN_SECONDS, TokenPair

__all__ = ["revoke", "token"]


def token(core: Core, request: Request) -> Response:
    """Exchange a code or a refresh token. Parameters may be in the query, too (observed)."""
    if request.method != "POST":
        response = api_error(405, code_name="MethodNotAllowed")
        response.headers.append(("Allow", "POST"))
        return response
    given = {**dict(request.query), **dict(request.form)}
    if not _is_client(request, given):
        return _refusal(401, "invalid_client")
    grant_type = given.get("grant_type")
    if grant_type == "authorization_code":
        return _exchange_code(core, given)
    if grant_type == "refresh_token":
        pair = core.tokens.refresh(given.get("refresh_token", ""))
        return _granted(pair) if pair else _refusal(401, "invalid_grant")
    return _refusal(400, "unsupported_grant_type")


def revoke(core: Core, request: Request) -> Response:
    """End a pair. It is unknown whether Patreon has this endpoint; some clients use it."""
    given = dict(request.form)
    if not _is_client(request, given):
        return _refusal(401, "invalid_client")
    core.tokens.revoke(given.get("token", ""))
    return json_response({})


def _exchange_code(core: Core, given: dict[str, str]) -> Response:
    if not given.get("code"):
        return _refusal(400, "invalid_request", "Missing code parameter.")
    code = core.tokens.take_code(given["code"])
    if code is None:
        return _refusal(401, "invalid_grant")
    if given.get("redirect_uri") != code.redirect_uri:
        return _refusal(401, "access_denied")  # observed; the cause is inferred
    return _granted(core.tokens.issue_pair(code.user_id, code.scopes))


def _is_client(request: Request, given: dict[str, str]) -> bool:
    """Are the client id and secret right? HTTP Basic is accepted, though unknown at Patreon."""
    client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
    scheme, _, value = request.header("Authorization").partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return False
        client_id, _, secret = decoded.partition(":")
    return client_id == CLIENT_ID and secrets.compare_digest(
        secret.encode(), CLIENT_SECRET.encode()
    )


def _granted(pair: TokenPair) -> Response:
    return json_response(
        {
            "access_token": pair.access_token,
            "expires_in": TOKEN_SECONDS,
            "refresh_token": pair.refresh_token,
            "scope": " ".join(scope for scope in SCOPES if scope in pair.scopes),
            "token_type": "Bearer",
            "version": "0.0.1",  # undocumented (observed)
        }
    )


def _refusal(status: int, error: str, description: str = "") -> Response:
    body = {"error": error}
    if description:
        body["error_description"] = description
    return json_response(body, status=status)
