"""The OAuth pages: the consent page, and the page for errors of the client."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.web.html import escape, page, person_buttons
from django_patreon.sandbox.web.messages import Request, Response, redirect
from django_patreon.sandbox.web.person_cookie import remember_person

from .tokens import CLIENT_ID, SCOPES

__all__ = ["authorize", "errors_page"]

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def authorize(core: Core, request: Request) -> Response:
    """Show the consent page; with `sandbox_user` or `sandbox_deny`, answer as that person."""
    given = dict(request.query)
    if given.get("client_id") != CLIENT_ID:
        return _errors_redirect(given, "Invalid client_id parameter value.")
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in core.redirect_uris and not _is_on_this_machine(redirect_uri):
        return _errors_redirect(given, "Mismatching redirect URI.")
    if given.get("response_type") != "code":
        is_missing = "response_type" not in given
        return _callback(
            given, error="invalid_request" if is_missing else "unsupported_response_type"
        )
    wanted = frozenset(given.get("scope", "").split())
    if wanted - SCOPES.keys():
        return _callback(given, error="invalid_scope")
    chosen = dict(request.form) if request.method == "POST" else {}
    deny = chosen.get("deny") or given.get("sandbox_deny")
    if deny:
        # Patreon sends access_denied (inferred), or no error at all (observed).
        return _callback(given, error=None if deny == "silent" else "access_denied")
    slug = chosen.get("user") or given.get("sandbox_user")
    if not slug:
        return _consent_page(core, given, wanted)
    person = core.world.person_called(slug)
    if person is None:
        people = ", ".join(escape(each.slug) for each in core.world.people.values())
        return page(
            f"<h1>Nobody is called {escape(slug)}</h1><p>There are: {people}.</p>",
            title="Nobody is called that",
            status=404,
        )
    owner = core.world.campaigns[core.world.owner_campaign_id].creator_id
    # The owner of the client is granted every scope (observed). The scopes of a v2 client that
    # asks for none are unknown; here it is the smallest one.
    scopes = frozenset(SCOPES) if person.id == owner else wanted or frozenset({"identity"})
    code = core.tokens.issue_code(person.id, given["redirect_uri"], scopes)
    return remember_person(_callback(given, code=code), person.id)


def errors_page(core: Core, request: Request) -> Response:
    """Show the page for an unknown client or redirect URI (observed). The site is not told."""
    given = dict(request.query)
    text = escape(given.get("error_description", "Something is wrong."))
    others = ", ".join(map(escape, sorted(core.redirect_uris))) or "none"
    return page(
        f"<h1>Error: {escape(given.get('error', 'invalid_request'))}</h1><p>{text}</p>"
        "<p>Patreon ends here, too: the site is not told. Here any redirect URI on localhost or"
        " 127.0.0.1 is registered, others with --redirect-uri"
        f" (now: {others}), and the client is <code>{CLIENT_ID}</code>.</p>",
        title="OAuth error",
        status=400,
    )


def _errors_redirect(given: dict[str, str], description: str) -> Response:
    query = {"error": "invalid_request", "error_description": description}
    return redirect("/oauth2/errors?" + urlencode({**query, "state": given.get("state", "None")}))


def _consent_page(core: Core, given: dict[str, str], wanted: frozenset[str]) -> Response:
    site = escape(urlsplit(given["redirect_uri"]).netloc)
    scopes = "".join(
        f"<li>{escape(text)}</li>" for scope, text in SCOPES.items() if scope in wanted
    )
    action = escape("/oauth2/authorize?" + urlencode(given))
    people = person_buttons((each, each.says) for each in core.world.people.values())
    return page(
        f"<h1>Allow {site} to use your account?</h1><p>It asks to:</p>"
        f"<ul>{scopes or '<li>See your public profile</li>'}</ul>"
        f'<form method=post action="{action}"><h2>Allow, as</h2>'
        f"{people}<h2>Or</h2><p class=no>"
        '<button name=deny value="yes">Decline</button>'
        '<button name=deny value="silent">Go back without a word</button></p></form>',
        title="Allow access?",
    )


def _is_on_this_machine(redirect_uri: str) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        is_local = parts.scheme in ("http", "https") and parts.hostname in _LOCAL_HOSTS
        # Python and browsers read http://elsewhere\@localhost/ differently.
        return is_local and "@" not in parts.netloc
    except ValueError:
        return False


def _callback(given: dict[str, str], **result: str | None) -> Response:
    """Redirect to the site. If the request had no state, it is `None` (observed)."""
    parts = urlsplit(given["redirect_uri"])
    query = [*parse_qsl(parts.query, keep_blank_values=True)]
    query += [(name, value) for name, value in result.items() if value is not None]
    query.append(("state", given.get("state", "None")))
    return redirect(urlunsplit(parts._replace(query=urlencode(query), fragment="")))
