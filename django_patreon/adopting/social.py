"""social-auth's associations with Patreon, and the tokens in clear that they may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import models, router
from django.db.models.functions import Cast

from django_patreon.sign_in.associations import association_model, load_strategy

__all__ = [
    "PROVIDER",
    "TOKEN_KEYS",
    "associations",
    "backend",
    "count_clear",
    "extra_data_of",
    "holds_tokens",
    "without_tokens",
]

PROVIDER = "patreon"
TOKEN_KEYS = ("access_token", "refresh_token")
"""Keys of `extra_data` under which social-auth's own backends keep tokens."""


def associations() -> models.QuerySet[Any]:
    """Return the associations with Patreon, of the database that they are written to."""
    model = association_model()
    return model._base_manager.using(router.db_for_write(model)).filter(provider=PROVIDER)  # type: ignore[no-any-return]


def backend() -> Any:
    """Return the site's backend for Patreon.

    Raises social-auth's `AuthConfigurationError` when AUTHENTICATION_BACKENDS has none.
    """
    return load_strategy().get_backend(PROVIDER, redirect_uri=None)


def extra_data_of(association: Any) -> dict[str, Any] | None:
    """Return `extra_data` as a dictionary; None if it is something else.

    Older versions kept JSON as text, and such text may have been carried along.
    """
    value = association.extra_data
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError:
            return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def holds_tokens(association: Any) -> bool:
    """Does its `extra_data` hold a token in clear? True if that cannot be read, but names one."""
    extra = extra_data_of(association)
    if extra is None:
        return any(key in str(association.extra_data) for key in TOKEN_KEYS)
    return any(extra.get(key) for key in TOKEN_KEYS)


def without_tokens(association: Any) -> Any:
    """Return the value for its `extra_data` that has all keys but the tokens'."""
    extra = extra_data_of(association) or {}
    rest = {key: value for key, value in extra.items() if key not in TOKEN_KEYS}
    is_json = isinstance(association._meta.get_field("extra_data"), models.JSONField)
    return rest if is_json else json.dumps(rest)


def count_clear(limit: int) -> int:
    """Return how many associations with Patreon hold tokens in clear, `limit` at most."""
    return sum(1 for _ in islice(_clear(), limit))


def _clear() -> Iterator[Any]:
    as_text = Cast("extra_data", models.TextField())
    names_one = models.Q(extra_as_text__contains="access_token") | models.Q(
        extra_as_text__contains="refresh_token"
    )
    rows = associations().annotate(extra_as_text=as_text).filter(names_one).only("extra_data")
    return filter(holds_tokens, rows.iterator(chunk_size=500))
