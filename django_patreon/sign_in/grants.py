"""The tokens of a sign-in that is under way: sealed while others hold them, kept if it fails."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, router, transaction

from django_patreon import tokens
from django_patreon.api import TokenGrant
from django_patreon.durable import in_callers_transaction, run_durably, short_locks
from django_patreon.fields import Sealed
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

__all__ = ["keep_pair", "open_grant", "seal_grant"]

logger = logging.getLogger("django_patreon")


def seal_grant(grant: TokenGrant) -> dict[str, Any]:
    """Turn a grant into plain data without a token in clear.

    social-auth writes a pipeline's arguments to the database when a step interrupts it.
    """
    return {
        "access_token": Sealed.of(grant.access_token).ciphertext,
        "refresh_token": Sealed.of(grant.refresh_token).ciphertext,
        "expires_in": grant.expires_in,
        "scopes": list(grant.scopes),
        "obtained_at": grant.obtained_at.isoformat(),
        "client_id": grant.client_id,
    }


def open_grant(response: dict[str, Any]) -> TokenGrant:
    """Read back what `seal_grant` wrote into a pipeline's `response`; empty if unreadable."""
    sealed = response.get("patreon_grant") or {}
    grant = TokenGrant(
        access_token=_opened(sealed.get("access_token")),
        refresh_token=_opened(sealed.get("refresh_token")),
        expires_in=sealed.get("expires_in"),
        scopes=tuple(sealed.get("scopes") or ()),
        client_id=sealed.get("client_id") or "",
    )
    stamp = sealed.get("obtained_at")
    return replace(grant, obtained_at=datetime.fromisoformat(stamp)) if stamp else grant


def keep_pair(response: dict[str, Any]) -> None:
    """Keep the tokens of a sign-in that failed or was interrupted, for the account they belong to.

    Patreon may have ended the older pair when it gave this one (observed). After a rollback, or
    when the visitor never resumes the sign-in, the site would be left with the older one.
    """
    grant, patreon_id = open_grant(response), response.get("id")
    if not grant.refresh_token:
        return
    using = router.db_for_write(PatreonAccount)
    accounts = PatreonAccount.objects.using(using).select_for_update().filter(patreon_id=patreon_id)
    apart = in_callers_transaction(using)

    def store() -> None:
        with short_locks(using) if apart else transaction.atomic(using=using):
            for account in accounts:
                tokens.store(account, grant)

    try:
        run_durably(store, using=using)
    except DatabaseError as error:
        logger.warning(
            "The tokens of an unfinished sign-in of %s were not kept: %s", patreon_id, type(error)
        )


def _opened(ciphertext: str | None) -> Secret:
    return Sealed(ciphertext or "").open()
