"""Database routers of other sites."""

from __future__ import annotations

from typing import Any


class Main:
    """Everything is in `main`; the default database is empty."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "main"

    db_for_write = db_for_read


class UsersBehind:
    """Users are read from a replica, which has not heard of the latest changes."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica" if model._meta.label == "auth.User" else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


class Behind:
    """What is ours is read from a replica, which has heard of nothing yet."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica" if model._meta.app_label == "django_patreon" else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True
