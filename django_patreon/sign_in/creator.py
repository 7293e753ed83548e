"""Connecting a campaign: an operator starts it, and the campaign's creator allows it on Patreon."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, connections, router
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from social_core.exceptions import AuthAssociationError, AuthPolicyError, ErrorStage

from django_patreon import sync
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import CampaignNotChosen
from django_patreon.models import Campaign, PatreonAccount
from django_patreon.tokens.client import site_client

from .accounts import AlreadyLinked
from .adopt import AccountTaken, adopt
from .errors import CREATOR
from .grants import keep_pair, seal_grant
from .identity import ReadsIdentity

if TYPE_CHECKING:
    from django_patreon.api import OAuthClient, TokenGrant
    from django_patreon.resources import Identity

__all__ = ["ConnectsCampaign", "begin_url", "may_connect"]

logger = logging.getLogger("django_patreon")

NEEDED = ("campaigns", sync.MEMBERS_SCOPE)
"""Scopes without which the members of a campaign cannot be read."""
WEBHOOKS = "w:campaigns.webhook"
EMAIL = "campaigns.members[email]"
ATTEMPTS = 3
"""How often saving is tried when the database refuses it, as after a lost race."""


def may_connect(user: Any) -> bool:
    """Return True if the user is staff and has the permission to change campaigns."""
    return bool(
        user is not None
        and user.is_authenticated
        and getattr(user, "is_staff", False)
        and user.has_perm("django_patreon.change_campaign")
    )


def begin_url() -> str:
    """Return the address to post to; "" if the backend is not installed or has no URL."""
    names = {getattr(import_string(e), "name", "") for e in settings.AUTHENTICATION_BACKENDS}
    namespace = getattr(settings, "SOCIAL_AUTH_URL_NAMESPACE", None) or "social"
    try:
        return reverse(f"{namespace}:begin", args=[CREATOR]) if CREATOR in names else ""
    except NoReverseMatch:
        return ""


class CannotConnect(AuthPolicyError):
    """The campaign is not connected; `words` say why, and what to do."""

    def __init__(self, backend: Any, words: str, *, stage: ErrorStage = "pipeline") -> None:
        super().__init__(backend, stage=stage)
        self.words = words

    def __str__(self) -> str:
        return self.words


class ConnectsCampaign(ReadsIdentity):
    """The part of the creator's backend that differs from signing in.

    It runs no pipeline: it makes no user and signs nobody in. It only gives tokens to an operator
    who is signed in, and saves that the campaign of these tokens is this site's.
    """

    def get_scope(self) -> list[str]:
        """Return the scopes that a sync and webhooks need, and those of the setting SCOPE."""
        extra = self.setting("SCOPE", [])
        wanted = extra.split() if isinstance(extra, str) else list(extra)
        return list(dict.fromkeys(["identity", *NEEDED, *_optional(), *wanted]))

    def get_key_and_secret(self) -> tuple[str, str]:
        client = site_client()
        return client.id, client.secret

    def _client(self) -> OAuthClient:
        # The site's own client, always: `tokens` renews the pair with it.
        return site_client()

    def auth_url(self) -> str:
        self._require_operator("begin")
        return str(super().auth_url())

    def _exchange_code(self, *args: Any, **kwargs: Any) -> Any:
        # Before the code is spent: the permission may have been taken away meanwhile.
        self._require_operator("callback")
        return super()._exchange_code(*args, **kwargs)  # type: ignore[misc]

    def _require_operator(self, stage: ErrorStage) -> None:
        if not may_connect(getattr(getattr(self.strategy, "request", None), "user", None)):
            raise CannotConnect(
                self,
                _(
                    "Only staff who may change campaigns can connect one. Sign in to the admin,"
                    " and press the button on its page of campaigns."
                ),
                stage=stage,
            )

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: whoever calls this wants to sign somebody in."""
        raise AuthPolicyError(self, code="authentication_disallowed", stage="pipeline")

    def do_auth(self, access_token: str, *args: Any, **kwargs: Any) -> Any:
        """Connect the campaign of the grant to the operator, and return the operator.

        Raises social-auth's exceptions; then nothing is connected. An access token that comes
        without its grant is refused: it does not come from this session's attempt.
        """
        grant, user = kwargs.get("patreon_grant"), kwargs.get("user")
        if grant is None or not may_connect(user):
            raise AuthPolicyError(self, code="authentication_disallowed", stage="pipeline")
        response = self.user_data(grant.access_token)
        response["patreon_grant"] = seal_grant(grant)
        is_connected = False
        try:
            identity = self.identity_of(response)
            self._require_rights(identity, grant)
            account = self._adopt(user, response, grant)
            is_connected = True
        finally:
            if not is_connected:
                keep_pair(response)
        self._report(account, identity)
        return user

    def _require_rights(self, identity: Identity, grant: TokenGrant) -> None:
        missing = [each for each in NEEDED if each not in grant.scopes]
        if missing:
            raise CannotConnect(
                self,
                _(
                    "Patreon did not give this site the rights %(scopes)s, so it cannot read your"
                    " campaign, and nothing was connected. Connect it again, and allow everything"
                    " that Patreon's page lists."
                )
                % {"scopes": ", ".join(missing)},
            )
        if identity.campaign_id is None:
            raise CannotConnect(
                self,
                _(
                    "%(person)s has no campaign on Patreon, so nothing was connected. Sign out of"
                    " Patreon, sign in there as the campaign's creator, and connect it again."
                )
                % {"person": identity.user.full_name or identity.user.id},
            )

    def _adopt(self, user: Any, response: dict[str, Any], grant: TokenGrant) -> PatreonAccount:
        """Save all of it in one transaction; once more when somebody else was faster."""
        using = router.db_for_write(PatreonAccount)
        document = {"data": response, "included": response.get("included")}
        fetched_at = datetime.fromisoformat(response["patreon_fetched_at"])
        for remaining in reversed(range(ATTEMPTS)):
            try:
                return adopt(user, document, grant, fetched_at=fetched_at)
            except AccountTaken:
                others = PatreonAccount.objects.using(using).filter(user_id=user.pk)
                if others.exclude(patreon_id=response["id"]).exists():
                    raise AlreadyLinked(self, stage="pipeline") from None
                raise AuthAssociationError(self, code="identity_in_use", stage="pipeline") from None
            except CampaignNotChosen as error:
                raise CannotConnect(self, str(error)) from None
            except DatabaseError as error:
                if not remaining or connections[using].in_atomic_block:
                    logger.error("The database refused a campaign (%s).", type(error).__name__)
                    raise AuthAssociationError(
                        self, code="storage_conflict", stage="pipeline"
                    ) from error
        raise AssertionError("unreachable")

    def _report(self, account: PatreonAccount, identity: Identity) -> None:
        """Tell the operator what is connected, and which rights are missing."""
        using = router.db_for_write(Campaign)
        campaign = Campaign.objects.using(using).get(patreon_id=identity.campaign_id)
        logger.info("User %s connected campaign %s", account.user_id, campaign.patreon_id)
        request = getattr(self.strategy, "request", None)
        if request is None or not hasattr(request, "_messages"):
            return
        names = {"campaign": str(campaign)}
        missing = [each for each in (*NEEDED, *_optional()) if each not in account.scopes]
        if set(missing).isdisjoint(NEEDED):
            said = _("%(campaign)s is connected. manage.py patreon_sync reads its members.")
            messages.success(request, said % names)
        if missing:
            messages.warning(
                request,
                _(
                    "The tokens for %(campaign)s lack %(scopes)s. Disconnect the Patreon account"
                    " in the admin, connect the campaign again, and allow everything that"
                    " Patreon's page lists."
                )
                % {**names, "scopes": ", ".join(missing)},
            )


def _optional() -> tuple[str, ...]:
    """Return the scopes that are asked for and that a sync can do without."""
    return (WEBHOOKS, EMAIL) if patreon_settings().STORE_EMAIL else (WEBHOOKS,)
