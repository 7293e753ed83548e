"""What a new user takes from Patreon: a username, names and an address that their columns hold."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from django_patreon.columns import SHORT, fit
from django_patreon.resources import User

__all__ = ["details_of"]

_USERNAME = re.compile(r"[^A-Za-z0-9_.@+-]")


def details_of(person: User, *, suffix: str = "") -> dict[str, Any]:
    """Return social-auth's `details`. `suffix` goes behind the username, which may be taken."""
    model: Any = get_user_model()
    room = model._meta.get_field(model.USERNAME_FIELD).max_length or SHORT
    told = {
        "username": _username(person)[: room - len(suffix)] + suffix,
        "email": person.verified_email,
        "fullname": person.full_name,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }
    details = fit(model, told)
    if not _is_usable(details["email"]) or details["email"] != told["email"]:
        details["email"] = None
    return details


def _is_usable(address: str | None) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def _username(person: User) -> str:
    """Return a name that survives social-auth's cleaning, which keeps ASCII only."""
    for candidate in (person.vanity, person.full_name, person.first_name):
        if candidate and (name := _USERNAME.sub("", candidate)):
            return name
    return f"patreon_{person.id}"
