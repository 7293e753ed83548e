"""Asking with one access token: renewed after a 401, tried again where that is safe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import MalformedAnswer, Unauthorized
from django_patreon.resources import MalformedDocument
from django_patreon.secret import Secret

from .errors import document_of
from .retry import BRIEFLY, NEVER, Patience
from .transport import send

__all__ = ["AuthorizedRequests", "Fields", "parsed"]

API_PATH = "/api/oauth2/v2"
T = TypeVar("T")
Fields = Mapping[str, Collection[str]]
"""Attributes by the type of resource that has them."""


class AuthorizedRequests:
    """Makes the requests of a client: with its token, renewed and repeated where needed.

    `live_token` is called before each request. After a first 401 `renew` is called, and the request
    is repeated once. A second 401 is raised: it means that a scope is missing, which Patreon says
    in the same words (observed), and which renewing does not change. `patience` says for how long a
    failed request is repeated. Requests with the same `bucket` count together against the limit of
    one token; by default it stands for this token, and with "" only the client's limit counts.
    """

    def __init__(
        self,
        access_token: Secret | None = None,
        *,
        live_token: Callable[[], Secret] | None = None,
        renew: Callable[[], Secret] | None = None,
        patience: Patience = BRIEFLY,
        bucket: str | None = None,
    ) -> None:
        if live_token is None:
            if access_token is None:
                raise TypeError("PatreonClient needs an access token, or a way to get one.")
            fixed = access_token

            def live_token() -> Secret:
                return fixed

        self._live_token = live_token
        self._renew = renew
        self._patience = patience
        self._bucket = bucket

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def _read(
        self,
        parse: Callable[[Any], T],
        path: str,
        *,
        include: tuple[str, ...],
        fields: Fields,
        more: Fields | None = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        names = dict(fields)
        for kind, extra in (more or {}).items():
            names[kind] = tuple(dict.fromkeys((*names.get(kind, ()), *extra)))
        document = self._get(path, include=include, fields=names, query=query)
        return parsed(parse, document)

    def _write(self, parse: Callable[[Any], T], method: str, path: str, **data: Any) -> T:
        return parsed(parse, self._ask(method, path, json={"data": data}))

    def _get(
        self,
        path: str,
        *,
        include: tuple[str, ...],
        fields: Fields,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        # Patreon sends only the fields that are asked for (official). requests encodes the
        # brackets.
        params = {f"fields[{kind}]": ",".join(names) for kind, names in fields.items()}
        params |= {"include": ",".join(dict.fromkeys(include)), **(query or {})}
        return self._ask("GET", path, params=params)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
    ) -> dict[str, Any]:
        # Only a request that changes nothing is repeated.
        patience = self._patience if method == "GET" else NEVER

        def ask(token: Secret) -> dict[str, Any]:
            bucket = _bucket_of(token) if self._bucket is None else self._bucket
            return _ask(method, path, token, params=params, json=json, bucket=bucket)

        token = (
            self._live_token()
        )  # outside of `patience`, so that a refresh token is not spent twice
        try:
            return patience.run(lambda: ask(token))
        except Unauthorized:
            if self._renew is None:
                raise
        token = self._renew()
        try:
            return patience.run(lambda: ask(token))
        except Unauthorized:
            self._renew = None  # a scope is missing, and renewing brings none
            raise


def _bucket_of(token: Secret) -> str:
    """Return a name for a token that does not reveal it."""
    return hashlib.sha256(token.encode()).hexdigest()[:24]


def parsed(parse: Callable[[Any], T], document: dict[str, Any]) -> T:
    """Read a document. Raises `MalformedAnswer` when it is not what was asked for."""
    try:
        return parse(document)
    except MalformedDocument as error:
        raise MalformedAnswer(
            f"Patreon's answer makes no sense: {error}.", status=200, code="malformed_response"
        ) from None


def _ask(
    method: str,
    path: str,
    token: Secret,
    *,
    params: dict[str, str] | None,
    json: Any,
    bucket: str,
) -> dict[str, Any]:
    answer = send(
        method,
        patreon_settings().base_url + API_PATH + path,
        params=params,
        json=json,
        bucket=bucket,
        headers={
            "Authorization": Secret(f"Bearer {token}"),  # masked in tracebacks, too
            "Accept": "application/vnd.api+json, application/json",
        },
    )
    return {} if answer.status == 204 else document_of(answer)
