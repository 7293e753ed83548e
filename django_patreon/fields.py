"""EncryptedTextField: text that is unreadable in the database, and the ring of keys that reads it.

Encryption is `cryptography`'s MultiFernet (AES-128-CBC with HMAC-SHA256: a changed or foreign
ciphertext does not decrypt). The secrets of the ring are stretched with HKDF under a label of our
own, so a SECRET_KEY that also signs cookies never serves as an encryption key itself.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact
from django.db.models.query_utils import DeferredAttribute

from .conf import patreon_settings
from .secret import Secret

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _Field = models.Field[Any, Any]
else:
    _Field = models.Field  # a plain class at run time

__all__ = ["EncryptedTextField", "Sealed"]

_LABEL = b"django_patreon stored secrets v1"
_MARK = "sealed:"
"""Begins a ciphertext that a serializer wrote."""
_MASK = re.compile("sealed-[0-9a-f]{12}")
"""The text that everything but `open()` returns."""


class Sealed(str):
    """An encrypted text, as a model's attribute, `values()` and a queryset's lookups have it.

    To everything that reads or prints it, it is a short mask that differs from one ciphertext to
    the next: `str()`, `format()`, JSON, CSV and an audit log get the mask. Only `open()` returns
    the text. It is false when it is empty, and equal to what holds the same text.
    """

    __slots__ = ("_opened", "ciphertext")
    ciphertext: str
    _opened: Secret | None

    def __new__(cls, ciphertext: str) -> Sealed:
        # The digest is made of the ciphertext, which differs at every encryption, so it reveals
        # nothing.
        digest = sha256(ciphertext.encode()).hexdigest()[:12]
        self = super().__new__(cls, f"sealed-{digest}" if ciphertext else "")
        self.ciphertext, self._opened = ciphertext, None
        return self

    @classmethod
    def of(cls, text: str) -> Sealed:
        """Encrypt `text` under the first key of the ring; an empty text stays empty."""
        return cls(_ring().encrypt(str(text).encode()).decode() if text else "")

    def open(self) -> Secret:
        """Return the text, decrypted once; an empty Secret if it is empty or no key opens it."""
        if self._opened is None:
            if not self.ciphertext:
                return Secret()
            try:
                self._opened = Secret(_ring().decrypt(self.ciphertext.encode()).decode())
            except InvalidToken:
                return Secret()  # not cached: the key may come back while the process runs
        return self._opened

    @property
    def readable(self) -> bool:
        """Return True if there is a text, and a key that opens it."""
        return bool(self.open())

    def rotate(self) -> Sealed:
        """Return the same text under the first key of the ring.

        Raises `cryptography.fernet.InvalidToken` when no key opens it.
        """
        return Sealed(_ring().rotate(self.ciphertext.encode()).decode())

    def is_current(self) -> bool:
        """Return True if the text is encrypted under the first key of the ring."""
        try:
            _fernet(_secrets()[0]).decrypt(self.ciphertext.encode())
        except InvalidToken:
            return False
        return True

    def __repr__(self) -> str:
        return f"Sealed({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sealed):
            return self.ciphertext == other.ciphertext or (
                self.readable and self.open() == other.open()
            )
        is_lost = bool(self) and not self.readable
        return isinstance(other, str) and not is_lost and self.open() == other

    def __ne__(self, other: object) -> bool:
        return not self == other  # the one of `str` would compare the masks

    def __hash__(self) -> int:
        return hash(str(self.open()) or self.ciphertext)

    def __reduce__(self) -> tuple[type[Sealed], tuple[str]]:
        return Sealed, (self.ciphertext,)


def _secrets() -> tuple[str | bytes, ...]:
    # The setting is read at every use, so that a changed one takes effect at once.
    return patreon_settings().TOKEN_KEYS or (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def _ring() -> MultiFernet:
    return _ring_of(_secrets())


@lru_cache(maxsize=4)
def _ring_of(secrets: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([_fernet(each) for each in secrets])


@lru_cache(maxsize=16)
def _fernet(secret: str | bytes) -> Fernet:
    material = secret.encode() if isinstance(secret, str) else secret
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(material)
    return Fernet(base64.urlsafe_b64encode(key))


def _sealed(value: Any) -> Any:
    """Encrypt a text that was assigned; leave alone what is encrypted already, and None.

    Raises `ValueError` for a mask: storing it would destroy the secret that it stands for.
    """
    if not isinstance(value, str) or isinstance(value, Sealed):
        return value
    if value.startswith(_MARK):  # by value_to_string
        return Sealed(value.removeprefix(_MARK))
    if _MASK.fullmatch(value):
        raise ValueError(
            "This is the mask of a stored secret, and not the secret. Assign the text itself, or"
            " the attribute of the row that it was read from."
        )
    return Sealed.of(value)


class _Attribute(DeferredAttribute):
    """The attribute of an EncryptedTextField: what is assigned is encrypted at once.

    The instance holds ciphertext only, so loading a thousand rows decrypts nothing, and a pickled
    instance (a cache, a queue) carries no text.
    """

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = _sealed(value)


class _Exact(Exact):
    """`filter(access_token=...)`: allowed for "", which is not encrypted, and for a `Sealed` that
    was read from the column. Anything else raises `FieldError`, since it could find nothing."""

    def get_prep_lookup(self) -> Any:
        if isinstance(self.rhs, Sealed) or self.rhs == "":
            return super().get_prep_lookup()
        raise FieldError(
            f"{self.lhs.target.name} is encrypted, and every encryption of a text differs: it can"
            ' be compared with "" and with a Sealed alone.'
        )


class EncryptedTextField(_Field):
    """Text encrypted in the database and a `Sealed` in Python, whose `open()` returns the text.

    Whatever reads every field of a model (an audit log, an export, a serializer) gets a mask or the
    ciphertext. A value that no key opens is written back untouched, so a key that comes back finds
    everything again. It cannot be searched, since every encryption of a text differs; it is in no
    form; `dumpdata` writes the ciphertext, which `loaddata` reads.
    """

    description = "Encrypted text"
    descriptor_class = _Attribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return models.TextField().db_type(connection)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        return _sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        value = _sealed(value)
        return value.ciphertext if isinstance(value, Sealed) else value

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return _MARK + value.ciphertext if value else ""

    def get_lookup(self, lookup_name: str) -> Any:
        # Any other lookup would find nothing, without an error.
        if lookup_name == "exact":
            return _Exact
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
