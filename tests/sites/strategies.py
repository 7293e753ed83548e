"""A strategy of a site's own: each host has its client at Patreon."""

from __future__ import annotations

from typing import Any

from social_django.strategy import DjangoStrategy

from .two_clients import CLIENTS

HOSTS = {"localhost": "sandbox-client", "127.0.0.1": "second-client"}


class ByHost(DjangoStrategy):
    def setting(self, name: str, default: Any = None, backend: Any = None) -> Any:
        if name in ("KEY", "SECRET"):
            client = HOSTS[self.request.get_host()]
            return client if name == "KEY" else CLIENTS[client]
        return super().setting(name, default, backend)
