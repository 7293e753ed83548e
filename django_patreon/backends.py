"""For python-social-auth: PatreonOAuth2 signs in, PatreonCreatorOAuth2 connects a campaign."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from django.contrib.auth.backends import BaseBackend
from django.db import DatabaseError
from social_core.exceptions import (
    AuthCanceled,
    AuthConfigurationError,
    AuthException,
    AuthPolicyError,
    AuthSessionError,
    ErrorStage,
    SocialAuthBaseException,
)
from social_core.pipeline import DEFAULT_AUTH_PIPELINE
from social_core.utils import url_add_parameters

from . import api
from .exceptions import PatreonAPIError
from .limits import two_requests
from .secret import Secret
from .sign_in.creator import ConnectsCampaign
from .sign_in.errors import (
    CREATOR,
    error_response,
    failures_counted,
    log_failure,
    to_social_auth_error,
)
from .sign_in.grants import seal_grant
from .sign_in.identity import ReadsIdentity
from .sign_in.transaction import InOneTransaction

if TYPE_CHECKING:
    from django.http import HttpResponse
    from social_core.storage import PartialMixin

__all__ = ["PatreonCreatorOAuth2", "PatreonOAuth2"]

logger = logging.getLogger("django_patreon")

PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_names",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.auth_allowed",
    "social_core.pipeline.social_auth.social_user",
    "social_core.pipeline.user.get_username",
    "django_patreon.pipeline.associate_by_email",
    "django_patreon.pipeline.require_email",
    "social_core.pipeline.user.create_user",
    "social_core.pipeline.social_auth.associate_user",
    "social_core.pipeline.social_auth.load_extra_data",
    "django_patreon.pipeline.user_details",
    "django_patreon.pipeline.save_account",
)
"""social-auth's default pipeline with our four steps; in force unless the site sets its own."""

_NOT_KEPT = frozenset({"access_token", "refresh_token", "token_type", "patreon_grant", "auth_time"})
"""Names of tokens; and the time of the sign-in, which is in `PatreonAccount.last_sign_in_at`."""


class PatreonOAuth2(ReadsIdentity, InOneTransaction, BaseBackend):  # type: ignore[misc]
    """Signs people in with Patreon, or links Patreon to the user who is signed in already.

    It makes two requests to Patreon: one exchanges the code for tokens, the other reads the
    identity with memberships, tiers and campaigns. It returns a user or raises one of social-auth's
    exceptions, whatever Patreon answers. One transaction writes all rows of a sign-in.
    """

    name = "patreon"
    title = "Patreon"
    AUTHORIZATION_URL = "https://www.patreon.com/oauth2/authorize"
    ACCESS_TOKEN_URL = "https://www.patreon.com/api/oauth2/token"  # noqa: S105
    ID_KEY = "id"
    REQUIRES_USER_ID = True
    REDIRECT_STATE = False
    DEFAULT_SCOPE = ["identity", "identity[email]"]  # noqa: RUF012  (as in the base class)

    # -- the way to Patreon

    def authorization_url(self) -> str:
        return api.authorize_url()

    def access_token_url(self) -> str:
        return api.token_url()

    def get_scope(self) -> list[str]:
        """Return the default scopes, then those of SOCIAL_AUTH_PATREON_SCOPE, each once."""
        extra = self.setting("SCOPE", [])
        wanted = extra.split() if isinstance(extra, str) else list(extra)
        default = [] if self.setting("IGNORE_DEFAULT_SCOPE", False) else self.DEFAULT_SCOPE
        return list(dict.fromkeys([*default, *wanted]))

    def auth_url(self) -> str:
        """Return Patreon's page with everything percent-encoded, brackets included.

        social-auth takes the encoding off again for backends without a redirect state.
        """
        state = self.get_or_create_state()
        params = {
            **self.auth_params(state),
            self.SCOPE_PARAMETER_NAME: self.SCOPE_SEPARATOR.join(self.get_scope()),
            **self.auth_extra_arguments(),
        }
        return str(url_add_parameters(self.authorization_url(), params))

    def start(self) -> Any:
        try:
            if not all(self.get_key_and_secret()):
                raise AuthConfigurationError(
                    self, code="missing_setting", parameter="SOCIAL_AUTH_PATREON_KEY", stage="begin"
                )
            return super().start()
        except SocialAuthBaseException as error:
            return self._page_or_raise(error)

    def get_or_create_state(self) -> str | None:
        """Make the state, and keep beside it who began the attempt: a user's key, or None.

        An attempt that was begun to sign in must not end as a link to somebody who has signed in
        meanwhile in another tab.
        """
        try:
            state = super().get_or_create_state()
        except DatabaseError as error:
            raise self._cannot_save("begin") from error
        if state is not None:
            key = self.transaction_key(state)
            kept = {**self.strategy.session_get(key), "begun_by": self._signed_in()}
            self.strategy.session_set(key, kept)
        return state

    def validate_state(self) -> str | None:
        try:
            return super().validate_state()
        except DatabaseError as error:
            raise self._cannot_save("callback") from error

    def _cannot_save(self, stage: ErrorStage) -> AuthConfigurationError:
        """Return the error for a database that takes no writes, such as one in maintenance."""
        session = getattr(getattr(self.strategy, "request", None), "session", None)
        if session is not None:
            session.modified = False  # saving it would fail, too, after the page is made
        return AuthConfigurationError(
            self, code="storage_unavailable", parameter="DATABASES", stage=stage
        )

    def _signed_in(self) -> str | None:
        return _user_key(getattr(getattr(self.strategy, "request", None), "user", None))

    # -- the way back

    def complete(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._only_active(super().complete(*args, **kwargs))
        except SocialAuthBaseException as error:
            return self._page_or_raise(error)

    def continue_pipeline(self, partial: PartialMixin) -> Any:
        """Go on after a step of the site's own that had interrupted the pipeline."""
        try:
            now = self._signed_in()
            if now is not None and now != partial.kwargs.get("patreon_begun_by"):
                raise AuthSessionError(self, code="user_mismatch", stage="pipeline")
            return self._only_active(super().continue_pipeline(partial))
        except SocialAuthBaseException as error:
            return self._page_or_raise(error)

    def _only_active(self, found: Any) -> Any:
        """Refuse a deactivated user with a page, unless the site has settings for them."""
        if (
            getattr(found, "is_active", True)
            or self.setting("ALLOW_INACTIVE_USERS_LOGIN", False)
            or self.setting("INACTIVE_USER_URL")
        ):
            return found
        raise AuthPolicyError(self, code="inactive_user", stage="pipeline")

    def disconnect(self, *args: Any, **kwargs: Any) -> Any:
        """Answer social-auth's own view, with a page where it is refused."""
        try:
            return super().disconnect(*args, **kwargs)
        except SocialAuthBaseException as error:
            return self._page_or_raise(error)

    def disconnect_user(self, user: Any) -> None:
        """Disconnect Patreon from `user`.

        Raises social-auth's `AuthPolicyError` when it is the only way they have to sign in.
        """
        super().disconnect(user=user)

    def _page_or_raise(self, error: SocialAuthBaseException) -> HttpResponse:
        log_failure(error)
        page = error_response(error, getattr(self.strategy, "request", None))
        if page is None:
            raise error
        return page

    def auth_complete(self, *args: Any, **kwargs: Any) -> Any:
        """Finish the dance: state, code, tokens, person, user."""
        if not self.data.get("code"):
            self._declined()
        self.process_error(self.data)
        # After too many failures refused, before state and code are used up.
        with failures_counted(self), two_requests():
            return self._exchange_code(*args, **kwargs)

    def _exchange_code(self, *args: Any, **kwargs: Any) -> Any:
        state = self.validate_state()
        # Before the code is spent: a refused attempt gets no tokens.
        if (self._oauth2_transaction or {}).get("begun_by") != _user_key(kwargs.get("user")):
            raise AuthSessionError(self, code="user_mismatch", stage="callback")
        try:
            grant = api.exchange_code(
                Secret(self.data["code"]),
                client=self._client(),
                redirect_uri=self.get_redirect_uri(state),
            )
        except PatreonAPIError as error:
            failure = to_social_auth_error(self, error, stage="token_exchange")
        else:
            return self.do_auth(grant.access_token, *args, patreon_grant=grant, **kwargs)
        raise failure

    def _client(self) -> api.OAuthClient:
        # In a frame of its own, gone before anything can fail: tracebacks show local variables.
        key, secret = self.get_key_and_secret()
        return api.OAuthClient(id=key or "", secret=Secret(secret or ""))

    def _declined(self) -> NoReturn:
        """No code means no (Patreon names the error, or nothing at all: observed)."""
        said = self.data.get("error")
        said = said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else None
        if said not in (None, "access_denied"):
            logger.warning("Patreon sent a sign-in back with %s: check the client's scopes.", said)
        with suppress(AuthException):
            self.validate_state()  # a state is used up by a refusal, too
        raise AuthCanceled(self, provider_code=said, stage="callback")

    def do_auth(self, access_token: str, *args: Any, **kwargs: Any) -> Any:
        """Sign in whoever the access token belongs to."""
        kwargs.pop("response", None)
        grant = kwargs.pop("patreon_grant", None) or api.TokenGrant(
            access_token=Secret(access_token), refresh_token=Secret(), expires_in=None, scopes=()
        )
        response = self.user_data(grant.access_token)
        response["patreon_grant"] = seal_grant(grant)
        # A pipeline that a step interrupts keeps it with its other arguments.
        kwargs["patreon_begun_by"] = _user_key(kwargs.get("user"))
        kwargs.update(response=response, backend=self)
        return self.strategy.authenticate(*args, **kwargs)

    def extra_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return what SOCIAL_AUTH_PATREON_EXTRA_DATA asks for, without any token."""
        data = super().extra_data(*args, **kwargs)
        return {key: value for key, value in data.items() if key not in _NOT_KEPT}

    def pipeline(self, pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline with our steps, unless the site has one of its own."""
        is_stock = tuple(pipeline) == DEFAULT_AUTH_PIPELINE
        return super().pipeline(list(PIPELINE if is_stock else pipeline), *args, **kwargs)


class PatreonCreatorOAuth2(ConnectsCampaign, PatreonOAuth2):  # type: ignore[misc]
    """Connects a campaign to this site; signs nobody in and makes no user.

    An operator starts it in the admin, and allows it on Patreon as the campaign's creator. Only
    staff who may change campaigns can start it, and only they can finish it, in the same session.
    """

    name = CREATOR
    title = "Patreon, as a creator"


def _user_key(user: Any) -> str | None:
    """Return the key of a signed-in user as text; None for nobody."""
    return str(user.pk) if user is not None and user.is_authenticated else None
