"""What a new user takes from Patreon: a username, names and an address that their columns hold."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import validate_email

from .resources import User

__all__ = ["details_of"]

_USERNAME = re.compile(r"[^A-Za-z0-9_.@+-]")


def details_of(person: User, *, suffix: str = "") -> dict[str, Any]:
    """Return social-auth's `details`. `suffix` goes behind the username, which may be taken."""
    return {
        "username": _username(person) + suffix,
        "email": _usable_address(person.verified_email),
        "fullname": _cut(person.full_name, 150),
        "first_name": _cut(person.first_name, _room("first_name")),
        "last_name": _cut(person.last_name, _room("last_name")),
    }


def _usable_address(address: str | None) -> str | None:
    """Return the address if it is one, and if the site's user can hold it whole."""
    try:
        validate_email(address)
    except ValidationError:
        return None
    return address if address and len(address) <= _room("email") else None


def _room(name: str) -> int:
    """Return how many characters a column of the site's user holds."""
    try:
        field: Any = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return 150
    return field.max_length or 150


def _username(person: User) -> str:
    """Return a name that survives social-auth's cleaning, which keeps ASCII only."""
    for candidate in (person.vanity, person.full_name, person.first_name):
        if candidate and (name := _USERNAME.sub("", candidate)):
            return name
    return f"patreon_{person.id}"


def _cut(name: str | None, length: int) -> str | None:
    return name[:length] if name else name
