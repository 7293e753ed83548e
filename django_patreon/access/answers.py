"""What a closed view answers: a page, or what JSON and HTMX clients can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch
from django.utils.http import url_has_allowed_host_and_scheme

from django_patreon.conf import patreon_settings
from django_patreon.entitlement import Decision, Reason
from django_patreon.own_urls import own_url

from .page import explained, locked_page
from .patron import patron_of
from .words import sentence

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["refusal"]

_HTML, _JSON = "text/html", "application/json"


def refusal(
    request: HttpRequest, decision: Decision, campaign_id: str | None, *, row: Any = None
) -> HttpResponse | None:
    """Return the answer for a decision that is made; None when they may come in.

    `row` is what the gate is about, if that is one row.

    - HTMX (`HX-Request: true`): status 401 or 403 with `HX-Redirect`.
    - JSON preferred in `Accept`: status 401 or 403 with `code`, `detail`, `join` and `sign_in`.
    - Anybody else: the locked page with status 403. Who is signed out is redirected to `LOGIN_URL`
      and back instead, unless `PATREON["LOCKED_PAGE_FOR_ALL"]` is True.
    """
    if decision.allowed:
        return None
    if request.headers.get("HX-Request") == "true":
        return _for_htmx(request, decision, campaign_id)
    if request.get_preferred_type([_HTML, _JSON]) == _JSON:
        return _json(request, decision, campaign_id)
    is_signed_out = decision.reason is Reason.ANONYMOUS
    if is_signed_out and not patreon_settings().LOCKED_PAGE_FOR_ALL:
        return _sign_in_first(request, request.get_full_path())
    return locked_page(
        request, decision, patron=patron_of(request), campaign_id=campaign_id, row=row
    )


def _status(decision: Decision) -> int:
    return 401 if decision.reason is Reason.ANONYMOUS else 403


def _sign_in_first(request: HttpRequest, back: str) -> HttpResponse:
    """Send them to the sign-in. Where that is on another host, the way back is given in full, as
    Django's `login_required` does."""
    sign_in = resolve_url(settings.LOGIN_URL)
    scheme, host = urlsplit(sign_in)[:2]
    is_here = not host or (host == request.get_host() and scheme in ("", request.scheme))
    return redirect_to_login(back if is_here else request.build_absolute_uri(back), sign_in)


def _for_htmx(request: HttpRequest, decision: Decision, campaign_id: str | None) -> HttpResponse:
    """Let HTMX leave the page: it follows a redirect itself, and would put what it finds there
    into the page."""
    here = _page_of_htmx(request)
    if decision.reason is Reason.ANONYMOUS:
        target = _sign_in_first(request, here)["Location"]
    elif request.method in ("GET", "HEAD"):
        target = request.get_full_path()  # opened as a page, it is the locked page
    else:
        target = _membership_page(campaign_id, here) or here
    return HttpResponse(status=_status(decision), headers={"HX-Redirect": target})


def _page_of_htmx(request: HttpRequest) -> str:
    """Return the address of the page that has sent the request, if it is one of this site."""
    current = request.headers.get("HX-Current-URL", "")
    is_ours = url_has_allowed_host_and_scheme(
        current, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not current or not is_ours:
        return request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    parts = urlsplit(current)
    return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")


def _json(request: HttpRequest, decision: Decision, campaign_id: str | None) -> JsonResponse:
    """Say it to a program. `join` is where the person can get what is missing, `sign_in` the
    address of `LOGIN_URL` for who is signed out; each may be None."""
    is_anonymous = decision.reason is Reason.ANONYMOUS
    page = explained(decision, patron=patron_of(request), campaign_id=campaign_id)
    join = page["offers"][0].checkout_url if page["offers"] else page["payment_url"] or None
    if join is None and page["can_help"] and not is_anonymous:
        join = _membership_page(campaign_id, "")
    return JsonResponse(
        {
            "code": decision.reason,
            "detail": page["why"] if not is_anonymous else sentence(decision),
            "join": join,
            "sign_in": resolve_url(settings.LOGIN_URL) if is_anonymous else None,
        },
        status=_status(decision),
    )


def _membership_page(campaign_id: str | None, back: str) -> str | None:
    """Return the address of the page about a membership; None on a site without our URLs."""
    try:
        address = own_url("locked")
    except NoReverseMatch:
        return None
    asked = {"campaign": campaign_id, "next": back}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{address}?{query}" if query else address
