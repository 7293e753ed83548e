"""PatreonMiddleware: `request.patreon`, and what must be true of every page that asked it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib import messages
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string

from . import tasks
from .access import Patron, keep_private, patron_of
from .access.current import set_current_request
from .access.view_as import VIEW_AS, forget_view_as
from .sign_in.associations import AccountTaken

__all__ = ["PatreonMiddleware"]

logger = logging.getLogger("django_patreon")

_BODY = re.compile(
    # Parts that may contain the text "<body>" without beginning a body are matched first.
    rb"<!--.*?-->|<(script|style|title|template|textarea|noscript)\b.*?</\1\s*>"
    rb"""|(?P<body><body\b(?:"[^"]*"|'[^']*'|[^'">])*>)""",
    re.IGNORECASE | re.DOTALL,
)
_DOCUMENT = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.I | re.DOTALL)


class PatreonMiddleware:
    """Sets `request.patreon`. Goes behind Django's AuthenticationMiddleware.

    It reads nothing from the database unless a gate asks, or a member of staff looks at the site as
    a patron. Every answer that a gate was asked for is kept out of caches, and a member of staff
    who looks at the site as a patron is told so on every page.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response: Any = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        patron = patron_of(request)
        with set_current_request(request):
            return _finish(request, patron, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        patron = patron_of(request)
        with set_current_request(request):
            response: HttpResponseBase = await self.get_response(request)
            if not _concerns(request, patron, response):
                return response
            # In a thread: the banner is a template, and may ask the database.
            return await sync_to_async(_finish)(request, patron, response)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer `AccountTaken`: an association cannot be moved, such as in social-auth's admin.

        Goes back to the form with a message; without messages the answer is a short text.
        """
        if not isinstance(exception, AccountTaken):
            return None
        logger.warning("An association was not moved: %s", exception)
        if request.method == "POST" and hasattr(request, "_messages"):
            messages.error(request, str(exception))
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponse(str(exception), status=409, content_type="text/plain; charset=utf-8")


def _concerns(request: HttpRequest, patron: Patron, response: HttpResponseBase) -> bool:
    """Return True if the response must be changed. The cookie spares reading the session."""
    return patron.was_asked or VIEW_AS in request.COOKIES or _may_ask_later(response)


def _may_ask_later(response: HttpResponseBase) -> bool:
    """Return True if a gate may be asked while the response is streamed, after its headers are
    sent.

    Not so for a file, and for a response whose view has set Cache-Control.
    """
    is_file = isinstance(response, FileResponse)
    return response.streaming and not is_file and not response.has_header("Cache-Control")


def _finish(request: HttpRequest, patron: Patron, response: HttpResponseBase) -> HttpResponseBase:
    if not _concerns(request, patron, response):
        return response
    pretends = patron.view_as is not None
    asks_later = _may_ask_later(response)
    if patron.was_asked or pretends or asks_later:
        keep_private(response)
    if patron.outdated_user is not None or asks_later:
        _ask_for_looks_afterwards(patron, response)
    if pretends:
        _say_so(request, patron, response)
    elif VIEW_AS in request.COOKIES:
        forget_view_as(response)  # the session that pretended has ended
    return response


def _ask_for_looks_afterwards(patron: Patron, response: HttpResponseBase) -> None:
    """After the response is sent, ask for a look at the reader, if the facts about them are old."""
    close = response.close

    def ask_and_close() -> None:
        user, patron.outdated_user = patron.outdated_user, None
        if user is not None:
            try:
                tasks.ask_for_looks(user)
            except Exception as error:  # the page is sent; an error of a queue must not break it
                logger.warning(
                    "A look at user %s was not asked for: %s", user, type(error).__name__
                )
        close()

    response.close = ask_and_close  # type: ignore[method-assign]


def _say_so(request: HttpRequest, patron: Patron, response: HttpResponseBase) -> None:
    """Put a banner on the page: at the start of its body, or at the end if it names no body."""
    if not isinstance(response, HttpResponse) or not _is_page(request, response):
        return
    tier = patron.known.tiers.get(patron.view_as or "")
    banner = render_to_string(
        "django_patreon/view_as_banner.html",
        {"tier": tier, "view_as": patron.view_as, "next": request.get_full_path()},
        request,
    ).encode(response.charset, "xmlcharrefreplace")
    page = response.content
    tags = (found.end() for found in _BODY.finditer(page) if found["body"])
    place = next(tags, len(page))
    response.content = page[:place] + banner + page[place:]
    if response.has_header("Content-Length"):
        response.headers["Content-Length"] = str(len(response.content))


def _is_page(request: HttpRequest, response: HttpResponse) -> bool:
    """Return True if the response is a whole HTML page, not a part that a script puts into one."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "text/html" or response.has_header("Content-Encoding") or not response.content:
        return False
    wanted_by = request.headers.get("Sec-Fetch-Dest", "document")
    is_for_script = wanted_by == "empty" or "HX-Request" in request.headers
    return not is_for_script or _DOCUMENT.match(response.content) is not None
