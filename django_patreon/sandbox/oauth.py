"""The OAuth pages and the token endpoint."""

from __future__ import annotations

import base64
import binascii
import html
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .checkout import remember_person
from .grants import SCOPES, TOKEN_SECONDS, Grants, Pair
from .http import Request, Response, json_response, page, redirect
from .world import World

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "OAuth"]

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105  (printed at start: it guards nothing)
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass
class OAuth:
    """Patreon's side of the dance."""

    world: World
    grants: Grants
    redirect_uris: frozenset[str] = frozenset()
    """Redirect URIs that are registered besides those on this machine."""

    # -- asking the person

    def authorize(self, request: Request) -> Response:
        """Show the consent page, or do at once what `sandbox_user` or `sandbox_deny` say."""
        given = dict(request.query)
        if given.get("client_id") != CLIENT_ID:
            return self._errors_redirect(given, "Invalid client_id parameter value.")
        redirect_uri = given.get("redirect_uri", "")
        if redirect_uri not in self.redirect_uris and not _is_on_this_machine(redirect_uri):
            return self._errors_redirect(given, "Mismatching redirect URI.")
        if given.get("response_type") != "code":
            missing = "response_type" not in given
            return _callback(
                given, error="invalid_request" if missing else "unsupported_response_type"
            )
        wanted = frozenset(given.get("scope", "").split())
        if wanted - SCOPES.keys():
            return _callback(given, error="invalid_scope")
        chosen = dict(request.form) if request.method == "POST" else {}
        answer = chosen.get("deny") or given.get("sandbox_deny")
        if answer:
            # Patreon sends access_denied (inferred), or nothing that names an error (observed).
            return _callback(given, error=None if answer == "silent" else "access_denied")
        slug = chosen.get("user") or given.get("sandbox_user")
        if not slug:
            return self._consent_page(given, wanted)
        person = self.world.person_called(slug)
        if person is None:
            people = ", ".join(each.slug for each in self.world.people.values())
            return page(
                f"<h1>Nobody is called {html.escape(slug)}</h1><p>There are: {people}.</p>",
                title="Nobody is called that",
                status=404,
            )
        owner = self.world.campaigns[self.world.owner_campaign_id].creator_id
        # The owner of the client is granted every scope, whatever was asked (observed).
        # Default scopes of a v2 client without any asked are unknown: the least.
        scopes = frozenset(SCOPES) if person.id == owner else wanted or frozenset({"identity"})
        code = self.grants.issue_code(person.id, given["redirect_uri"], scopes)
        return remember_person(_callback(given, code=code), person)

    def errors_page(self, request: Request) -> Response:
        """Where the browser is left when Patreon cannot trust the way back (observed)."""
        given = dict(request.query)
        words = html.escape(given.get("error_description", "Something is wrong."))
        others = ", ".join(html.escape(each) for each in sorted(self.redirect_uris)) or "none"
        return page(
            f"<h1>Error: {html.escape(given.get('error', 'invalid_request'))}</h1><p>{words}</p>"
            "<p>On the real Patreon this page is a dead end, too: the site is never told. Here any"
            " redirect URI on localhost or 127.0.0.1 is registered, others with --redirect-uri"
            f" (now: {others}), and the client is <code>{CLIENT_ID}</code>.</p>",
            title="OAuth error",
            status=400,
        )

    def _errors_redirect(self, given: dict[str, str], description: str) -> Response:
        query = {"error": "invalid_request", "error_description": description}
        return redirect(
            "/oauth2/errors?" + urlencode({**query, "state": given.get("state", "None")})
        )

    def _consent_page(self, given: dict[str, str], wanted: frozenset[str]) -> Response:
        site = html.escape(urlsplit(given["redirect_uri"]).netloc)
        asked = "".join(
            f"<li>{html.escape(words)}</li>" for scope, words in SCOPES.items() if scope in wanted
        )
        action = html.escape("/oauth2/authorize?" + urlencode(given))
        people = "".join(
            f'<li><button name=user value="{html.escape(each.slug)}">'
            f"<strong>{html.escape(each.slug)}</strong>{html.escape(each.full_name)}"
            f"<small>{html.escape(each.says)}</small></button></li>"
            for each in self.world.people.values()
        )
        return page(
            f"<h1>Allow {site} to use your account?</h1><p>It asks to:</p>"
            f"<ul>{asked or '<li>See your public profile</li>'}</ul>"
            f'<form method=post action="{action}"><h2>Allow, as</h2>'
            f"<ul class=people>{people}</ul><h2>Or</h2><p class=no>"
            '<button name=deny value="yes">Decline</button>'
            '<button name=deny value="silent">Go back without a word</button></p></form>',
            title="Allow access?",
        )

    # -- the token endpoint

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token. Parameters may be in the query, too (observed)."""
        given = {**dict(request.query), **dict(request.form)}
        client_id, client_secret = _client_of(request, given)
        if client_id != CLIENT_ID or not secrets.compare_digest(
            client_secret.encode(), CLIENT_SECRET.encode()
        ):
            return _refusal(401, "invalid_client")
        grant_type = given.get("grant_type")
        if grant_type == "authorization_code":
            return self._by_code(given)
        if grant_type == "refresh_token":
            pair = self.grants.refresh(given.get("refresh_token", ""))
            return _granted(pair) if pair else _refusal(401, "invalid_grant")
        return _refusal(400, "unsupported_grant_type")

    def revoke(self, request: Request) -> Response:
        """Forget a pair. Whether Patreon has this is unknown; some clients post here."""
        given = dict(request.form)
        if _client_of(request, given) != (CLIENT_ID, CLIENT_SECRET):
            return _refusal(401, "invalid_client")
        self.grants.forget(given.get("token", ""))
        return json_response({})

    def _by_code(self, given: dict[str, str]) -> Response:
        if not given.get("code"):
            return _refusal(400, "invalid_request", "Missing code parameter.")
        code = self.grants.take_code(given["code"])
        if code is None:
            return _refusal(401, "invalid_grant")
        if given.get("redirect_uri") != code.redirect_uri:
            return _refusal(401, "access_denied")  # observed; the cause is inferred
        return _granted(self.grants.issue_pair(code.user_id, code.scopes))


def _is_on_this_machine(redirect_uri: str) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        local = parts.scheme in ("http", "https") and parts.hostname in _LOCAL_HOSTS
        # http://elsewhere\@localhost/ is local to Python and elsewhere to a browser.
        return local and "@" not in parts.netloc
    except ValueError:
        return False


def _callback(given: dict[str, str], **said: str | None) -> Response:
    """Send the browser back to the site. Without a state Patreon says `None` (observed)."""
    parts = urlsplit(given["redirect_uri"])
    query = [*parse_qsl(parts.query, keep_blank_values=True)]
    query += [(name, value) for name, value in said.items() if value is not None]
    query.append(("state", given.get("state", "None")))
    return redirect(urlunsplit(parts._replace(query=urlencode(query), fragment="")))


def _client_of(request: Request, given: dict[str, str]) -> tuple[str, str]:
    """In the body (official); HTTP Basic is unknown at Patreon, so it is accepted."""
    scheme, _, value = request.header("Authorization").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, word = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return name, word
    return given.get("client_id", ""), given.get("client_secret", "")


def _granted(pair: Pair) -> Response:
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
