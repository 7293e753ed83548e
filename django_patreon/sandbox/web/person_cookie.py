"""A cookie with the last person, so that the checkout page offers them first."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote

from .messages import Request, Response

__all__ = ["CHECKOUT", "remember_person", "remembered_person_id"]

CHECKOUT = "/checkout/"
"""The path of the checkout pages, the only ones that receive the cookie."""
_NAME = "sandbox_person"


def remember_person(response: Response, person_id: str) -> Response:
    """Add the cookie to a response, and return the response."""
    # A cookie is sent to all ports of a host. The path keeps it from the site on another port.
    value = f"{_NAME}={quote(person_id, safe='')}; Path={CHECKOUT}; HttpOnly; SameSite=Lax"
    response.headers.append(("Set-Cookie", value))
    return response


def remembered_person_id(request: Request) -> str:
    """Return the user id of the cookie; empty if there is none."""
    try:
        morsel = SimpleCookie(request.header("Cookie")).get(_NAME)
    except CookieError:
        return ""
    return unquote(morsel.value) if morsel else ""
