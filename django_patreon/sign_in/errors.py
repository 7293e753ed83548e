"""The page that says why a sign-in (or disconnecting) did not work, and how to go on.

social-auth turns its exceptions into pages in a middleware. A site that has not installed it still
gets a page and never a 500: the backend asks here before it lets an exception go. What Patreon did
is put into social-auth's words here as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from social_core.exceptions import (
    AuthCanceled,
    AuthConfigurationError,
    AuthProviderError,
    AuthResponseError,
    ErrorStage,
    SocialAuthBaseException,
)
from social_django.middleware import SocialAuthExceptionMiddleware

from django_patreon.exceptions import MalformedAnswer, PatreonAPIError, RateLimited, Unavailable
from django_patreon.limits import counted_for_visitor, wait_of_visitor

if TYPE_CHECKING:
    from django.http import HttpRequest
    from social_core.backends.base import BaseAuth

__all__ = [
    "CREATOR",
    "PatreonSignInErrors",
    "error_response",
    "failures_counted",
    "log_failure",
    "to_social_auth_error",
]

logger = logging.getLogger("django_patreon")

CREATOR = "patreon-creator"
"""The name of the backend that connects a campaign."""

_TEXTS = {
    "authorization_declined": _("You chose not to sign in with Patreon. Nothing has changed."),
    "authorization_code_rejected": _("Patreon no longer accepts this attempt. Please start again."),
    "state_mismatch": _("This attempt is too old, or was begun elsewhere. Please start again."),
    "session_context_missing": _(
        "We could not match this answer to an attempt begun in this browser. It may have been used"
        " already, or cookies may be switched off. Please start again."
    ),
    "missing_parameter": _("Patreon's answer was incomplete. Please start again."),
    "timeout": _("Patreon did not answer in time. Please try again in a moment."),
    "connection_failed": _("Patreon could not be reached. Please try again in a moment."),
    "unavailable": _("Patreon is having trouble right now. Please try again in a few minutes."),
    "rate_limited": _("Patreon is very busy right now. Please try again in a few minutes."),
    "too_many_attempts": _(
        "Too many attempts to sign in have failed. Please wait a minute, and load this page again."
    ),
    "tls_error": _("A secure connection to Patreon could not be made. Please tell us."),
    "malformed_response": _("Patreon's answer made no sense to us. Please try again."),
    "missing_claim": _("Patreon's answer was incomplete. Please try again."),
    "http_error": _("Patreon turned the request down. Please try again, or tell us."),
    "missing_setting": _("Sign-in with Patreon is not set up on this site yet."),
    "email_required": _(
        "This site knows people by their e-mail address, and Patreon gave us none that it has"
        " verified. Verify your address on Patreon, and try again."
    ),
    "email_in_use": _(
        "Somebody here already uses your e-mail address. If it is you, sign in the way you did"
        " before, and connect Patreon from your account page."
    ),
    "disconnect_disallowed": _(
        "Patreon is the only way you have to sign in, so it stays connected for now. Set a password"
        " first; then you can disconnect it."
    ),
    "identity_in_use": _(
        "This Patreon account is already connected to another account on this site."
    ),
    "user_mismatch": _(
        "You signed in to this site in another tab while this attempt was under way, so it was"
        " stopped. Nothing has changed. To connect Patreon, start again."
    ),
    "inactive_user": _("Your account on this site is not active. Please tell us."),
    "storage_unavailable": _(
        "This site cannot save anything right now. Please try again in a few minutes."
    ),
    "storage_conflict": _("This site could not save your sign-in. Please tell us."),
}

_CREATORS_TEXTS = {
    "authorization_declined": _(
        "You chose not to let this site read your campaign. Nothing has changed."
    ),
    "user_mismatch": _(
        "Somebody else was signed in to this site when this attempt was begun, so it was stopped."
        " Nothing has changed."
    ),
    "storage_conflict": _("This site could not save the connection. Please try again."),
}


class PatreonSignInErrors(SocialAuthExceptionMiddleware):
    """social-auth's middleware, with a page of ours for sign-ins with Patreon.

    Use it in place of `social_django.middleware.SocialAuthExceptionMiddleware`, or leave both
    out: the backend then answers in the same way.
    """

    def raise_exception(self, request: HttpRequest, exception: Exception) -> bool | None:
        """Show the page in development, too, unless SOCIAL_AUTH_RAISE_EXCEPTIONS is set.

        Errors of other providers are shown as social-auth shows them.
        """
        if not _is_patreons(request):
            return super().raise_exception(request, exception)
        return bool(getattr(settings, "SOCIAL_AUTH_RAISE_EXCEPTIONS", False))

    def get_message(self, request: HttpRequest, exception: Exception) -> str:
        if not _is_patreons(request) or not isinstance(exception, SocialAuthBaseException):
            return super().get_message(request, exception)
        if type(exception).__str__ is not ValueError.__str__:
            return str(exception)
        texts = _TEXTS | (_CREATORS_TEXTS if _connects(request) else {})
        return str(texts.get(exception.code, str(exception)))

    def get_error_status(self, request: HttpRequest, exception: SocialAuthBaseException) -> int:
        if isinstance(exception, AuthConfigurationError):
            return HTTPStatus.SERVICE_UNAVAILABLE
        if exception.code == "too_many_attempts":
            return HTTPStatus.TOO_MANY_REQUESTS
        return int(super().get_error_status(request, exception))

    def render_error(
        self, request: HttpRequest, exception: SocialAuthBaseException
    ) -> HttpResponse:
        if not _is_patreons(request):
            return super().render_error(request, exception)
        response = render(
            request,
            "django_patreon/sign_in_error.html",
            {
                "message": self.get_message(request, exception)
                + (_cure(exception).removeprefix(".") if settings.DEBUG else ""),
                "declined": isinstance(exception, AuthCanceled),
                "connects": _connects(request),
                "campaigns": _campaigns_page(request),
                "stays": exception.code == "disconnect_disallowed",
                "can_retry": not isinstance(exception, AuthConfigurationError)
                and exception.code != "disconnect_disallowed",
                "next": request.session.get("next", ""),
            },
            status=self.get_error_status(request, exception),
        )
        if exception.retry_after:
            response["Retry-After"] = exception.retry_after
        add_never_cache_headers(response)
        return response


def log_failure(error: SocialAuthBaseException) -> None:
    """Write one line about a failed sign-in: its code, and what Patreon named, but no secret."""
    level = logging.INFO if isinstance(error, AuthCanceled) else logging.WARNING
    named = getattr(error, "provider_code", None)
    if isinstance(error, AuthProviderError | AuthResponseError):
        logger.log(
            level,
            "Sign-in with Patreon failed at %s: %s (status %s, error %s)%s",
            error.stage,
            error.code,
            error.status_code,
            named,
            _cure(error),
        )
    else:
        # Only the type of a database's error is logged: its text may quote values.
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
        logger.log(level, "Sign-in with Patreon failed at %s: %s%s", error.stage, error.code, cause)


def _cure(error: SocialAuthBaseException) -> str:
    """Say which settings of the site the operator should look at; empty if none."""
    cure = _CURES.get(getattr(error, "provider_code", None) or "", "")
    address = getattr(getattr(error, "backend", None), "redirect_uri", None)
    return f"{cure}. The redirect URI of this site is {address}" if cure and address else cure


_CURES = {
    "invalid_client": ". Compare SOCIAL_AUTH_PATREON_KEY and SOCIAL_AUTH_PATREON_SECRET with"
    " Patreon's page for developers",
    "access_denied": ". Compare the key, the secret and the redirect URI with Patreon's page for"
    " developers",
}


def error_response(
    error: SocialAuthBaseException, request: HttpRequest | None
) -> HttpResponse | None:
    """Return the page for a failed sign-in; None where the site has a middleware for it."""
    if request is None or _site_answers():
        return None
    handler = PatreonSignInErrors(lambda request: HttpResponse())
    return handler.process_exception(request, error)


@contextmanager
def failures_counted(backend: BaseAuth[Any]) -> Iterator[None]:
    """Count what Patreon refuses inside against the visitor's budget.

    Raises `AuthProviderError` (code `too_many_attempts`) at once when that is used up.
    """
    request = getattr(backend.strategy, "request", None)
    if wait := ceil(wait_of_visitor(request)):
        raise AuthProviderError(
            backend, code="too_many_attempts", stage="callback", retry_after=f"{wait}"
        )
    with counted_for_visitor(request):
        yield


def _is_patreons(request: HttpRequest) -> bool:
    return getattr(getattr(request, "backend", None), "name", "") in ("patreon", CREATOR)


def _connects(request: HttpRequest) -> bool:
    return getattr(getattr(request, "backend", None), "name", "") == CREATOR


def _campaigns_page(request: HttpRequest) -> str:
    """Return the address of the admin's campaigns; "" for visitors, and without an admin."""
    if not getattr(getattr(request, "user", None), "is_staff", False):
        return ""
    try:
        return reverse("admin:django_patreon_campaign_changelist")
    except NoReverseMatch:
        return ""


def _site_answers() -> bool:
    return any(
        isinstance(each, type) and issubclass(each, SocialAuthExceptionMiddleware)
        for each in map(import_string, settings.MIDDLEWARE)
    )


def to_social_auth_error(
    backend: BaseAuth[Any], error: PatreonAPIError, *, stage: ErrorStage
) -> SocialAuthBaseException:
    """Return social-auth's exception for an error of the API."""
    wait = error.retry_after
    facts: dict[str, Any] = {
        "stage": stage,
        "status_code": error.status,
        "retry_after": None if wait is None else f"{wait:.0f}",
    }
    if isinstance(error, RateLimited):
        return AuthProviderError(backend, code="rate_limited", **facts)
    if isinstance(error, Unavailable):
        ours = error.code if error.code in ("timeout", "tls_error", "connection_failed") else ""
        return AuthProviderError(backend, code=ours or "unavailable", **facts)
    if isinstance(error, MalformedAnswer) and error.code == "missing_claim":
        return AuthResponseError(backend, code="missing_claim", claim="access_token", **facts)
    if isinstance(error, MalformedAnswer):
        return AuthResponseError(backend, code="malformed_response", **facts)
    if stage == "token_exchange" and error.code == "invalid_grant":
        classified = backend.get_provider_error(
            {"error": error.code}, stage=stage, status_code=error.status
        )
        if classified is not None:
            return classified
    # A wrong key, secret or redirect URI ends here, too. It is not raised as a configuration error,
    # since social-auth's middleware would answer that with status 500.
    return AuthProviderError(backend, code="http_error", provider_code=error.code or None, **facts)
