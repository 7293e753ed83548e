"""Django's asynchronous auth interface, with the backends that the README names."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, aget_user, alogin, authenticate, get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.sessions.backends.db import SessionStore
from django.test import AsyncRequestFactory

from django_patreon.backends import PatreonOAuth2

User = get_user_model()


@pytest.fixture
def local(db: None) -> Any:
    return User.objects.create_user("local", password="password")


def test_a_password_signs_in_as_it_does_without_us(local) -> None:
    assert async_to_sync(aauthenticate)(username="local", password="password") == local
    assert async_to_sync(aauthenticate)(username="local", password="wrong") is None
    assert authenticate(username="local", password="password") == local


def test_permissions_can_be_asked(local) -> None:
    async def ask() -> list[object]:
        return [
            await local.ahas_perm("auth.add_user"),
            await local.ahas_perms(["auth.add_user"]),
            await local.ahas_module_perms("auth"),
            await local.aget_user_permissions(),
            await local.aget_group_permissions(),
            await local.aget_all_permissions(),
        ]

    assert async_to_sync(ask)() == [False, False, False, set(), set(), set()]


def test_whoever_signed_in_with_patreon_is_found_again(local) -> None:
    async def ask() -> Any:
        request = AsyncRequestFactory().get("/")
        request.session = SessionStore()
        await alogin(request, local, "django_patreon.backends.PatreonOAuth2")
        return await aget_user(request)

    assert async_to_sync(ask)() == local


def test_the_backend_has_all_that_djangos_backends_have() -> None:
    wanted = {name for name in dir(BaseBackend) if not name.startswith("_")}
    assert wanted <= set(dir(PatreonOAuth2))
