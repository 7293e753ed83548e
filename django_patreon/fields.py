"""EncryptedTextField: text that is unreadable in the database, and the ring of keys that reads it.

Encryption is `cryptography`'s MultiFernet (AES-128-CBC with HMAC-SHA256: a changed or foreign
ciphertext does not decrypt). The secrets of the ring are stretched with HKDF under a label of our
own, so a SECRET_KEY that also signs cookies never serves as an encryption key itself.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact

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


class Sealed:
    """A ciphertext. `open()` reads it; its `repr`, pickle and equality never show the text."""

    __slots__ = ("_opened", "ciphertext")

    def __init__(self, ciphertext: str) -> None:
        self.ciphertext = ciphertext
        self._opened: Secret | None = None

    @classmethod
    def of(cls, text: str) -> Sealed:
        """Encrypt `text` under the first key of the ring."""
        return cls(_ring().encrypt(str(text).encode()).decode())

    def open(self) -> Secret:
        """Return the text, decrypted once; an empty and `lost` Secret when no key opens it."""
        if self._opened is None:
            try:
                secret = Secret(_ring().decrypt(self.ciphertext.encode()).decode())
            except InvalidToken:
                secret = Secret()
            secret.sealed = self
            if secret.lost:
                return secret  # not kept: the key may come back while we live
            self._opened = secret
        return self._opened

    def rotate(self) -> Sealed:
        """Return the same text under the first key of the ring.

        Raises `cryptography.fernet.InvalidToken` when no key opens it.
        """
        return Sealed(_ring().rotate(self.ciphertext.encode()).decode())

    def is_current(self) -> bool:
        """Is the text encrypted under the first key of the ring?"""
        try:
            _fernet(_secrets()[0]).decrypt(self.ciphertext.encode())
        except InvalidToken:
            return False
        return True

    def __repr__(self) -> str:
        return "Sealed('********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.ciphertext == self.ciphertext

    def __hash__(self) -> int:
        return hash(self.ciphertext)

    def __reduce__(self) -> tuple[type[Sealed], tuple[str]]:
        return Sealed, (self.ciphertext,)


def _secrets() -> tuple[str | bytes, ...]:
    # Read at every use, so that a changed setting is never answered from an old ring.
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


class _Envelope:
    """The attribute of an EncryptedTextField: sealed on writing, opened on first reading.

    The instance holds ciphertext only, so loading a thousand rows decrypts nothing, and a pickled
    instance (a cache, a queue) carries no text.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        value = self.raw(instance)
        return value.open() if isinstance(value, Sealed) else value

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, Secret) and value.sealed is not None:
            value = value.sealed
        elif isinstance(value, str):
            value = Sealed.of(value) if value else Secret()
        instance.__dict__[self.name] = value

    def raw(self, instance: models.Model) -> Any:
        if self.name not in instance.__dict__:  # left out by .defer() or .only()
            instance.refresh_from_db(fields=[self.name])
        return instance.__dict__[self.name]


class _Exact(Exact):
    """The comparisons of an encrypted text that can find something: with the empty one, which is
    not encrypted, and with a ciphertext that was read from the column."""

    def get_prep_lookup(self) -> Any:
        if isinstance(self.rhs, Sealed) or self.rhs == "":
            return super().get_prep_lookup()
        raise FieldError(
            f"{self.lhs.target.name} is encrypted, and every encryption of a text differs: it can"
            ' be compared with "" and with a Sealed alone.'
        )


class EncryptedTextField(_Field):
    """Text encrypted in the database and a `Secret` in Python.

    Not a TextField to anybody but the database: what turns every field of a model into something
    public (a serializer of REST framework's with `__all__`) shows the ciphertext, or stops.

    A value that no key opens reads as an empty, `lost` Secret and is written back untouched, so a
    key that comes back finds everything again. It cannot be searched, since every encryption of
    a text differs; it is in no form; in `dumpdata` and `values()` it stays encrypted.
    """

    description = "Encrypted text"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return models.TextField().db_type(connection)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        super().contribute_to_class(cls, name, private_only=private_only)
        self._envelope = _Envelope(self.attname)
        setattr(cls, self.attname, self._envelope)

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | str | None:
        return Sealed(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Secret) and value.sealed is not None:
            value = value.sealed
        if isinstance(value, Sealed):
            return value.ciphertext
        return Sealed.of(value).ciphertext if value else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return self._envelope.raw(model_instance)

    def value_from_object(self, obj: models.Model) -> Any:
        """What serializers see: the ciphertext, never the text."""
        return self._envelope.raw(obj)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return _MARK + value.ciphertext if isinstance(value, Sealed) else ""

    def get_lookup(self, lookup_name: str) -> Any:
        # Anything but "is it empty" and "is it null" would find nothing, silently.
        if lookup_name == "exact":
            return _Exact
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_MARK):  # by value_to_string
            return Sealed(value.removeprefix(_MARK))
        return value
