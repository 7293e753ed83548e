"""Asking Patreon who signs in, and reading the answer once for all steps of the pipeline."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from social_core.backends.oauth import BaseOAuth2
from social_core.exceptions import AuthResponseError

from django_patreon import api
from django_patreon.exceptions import PatreonAPIError
from django_patreon.resources import Identity, MalformedDocument, parse_identity, storable
from django_patreon.secret import Secret

from .details import details_of
from .errors import to_social_auth_error

__all__ = ["ReadsIdentity"]


class ReadsIdentity(BaseOAuth2[Any]):
    """The part of a backend that asks Patreon who signs in."""

    suffix: str
    """Text behind a username that is taken; `InOneTransaction` sets it."""
    _read: tuple[dict[str, Any], Identity] | None = None
    """The response that was read last, and what it says."""

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return Patreon's `user` resource, with what came along under `included`."""
        fetched_at = timezone.now().isoformat()
        try:
            client = api.PatreonClient(Secret(access_token), patience=api.NEVER, bucket="")
            identity, document = client.identity_and_document()
        except PatreonAPIError as error:
            failure = to_social_auth_error(self, error, stage="user_info")
        else:
            # A pipeline that a step interrupts is kept in the database, this answer with it.
            answer = {**document["data"], "included": document.get("included")}
            response = {**storable(answer), "patreon_fetched_at": fetched_at}
            self._read = response, identity
            return response
        raise failure

    def get_user_id(self, details: Any, response: Any) -> str:
        return self.identity_of(response).user.id

    def get_user_details(self, response: dict[str, Any]) -> dict[str, Any]:
        """Return names cut to what Django's user holds, and the address only if verified."""
        return details_of(self.identity_of(response).user, suffix=self.suffix)

    def identity_of(self, response: dict[str, Any]) -> Identity:
        """Read the `response` of a pipeline; it is parsed once for all steps of a sign-in.

        Raises `AuthResponseError` when it is not about a person.
        """
        if self._read is None or self._read[0] is not response:
            document = {"data": response, "included": response.get("included")}
            try:
                self._read = response, parse_identity(document)
            except MalformedDocument:
                raise AuthResponseError(
                    self, code="malformed_response", stage="user_info"
                ) from None
        return self._read[1]
