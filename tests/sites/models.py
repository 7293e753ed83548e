"""User models of other sites: one is chosen by AUTH_USER_MODEL, and the others are not used."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from social_django.models import AbstractUserSocialAuth


class ByEmailManager(BaseUserManager[Any]):
    def create_user(self, email: str, password: str | None = None, **more: Any) -> Any:
        if not email:
            raise ValueError("The given email must be set")
        user = self.model(email=self.normalize_email(email), **more)
        user.set_password(password)
        user.save(using=self._db)
        return user


class NamelessManager(BaseUserManager[Any]):
    def create_user(self, username: str, email: str | None = None, **more: Any) -> Any:
        user = self.model(username=username, email=email or "", **more)
        user.set_unusable_password()
        user.save(using=self._db)
        return user


class ByEmail(AbstractBaseUser):
    """Known by the address, with a UUID for a key and without names."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[Any] = ByEmailManager()


class OwnAssociation(AbstractUserSocialAuth):  # type: ignore[misc]
    """Takes the place of social-auth's `UserSocialAuth` where SOCIAL_AUTH_STORAGE says so."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_associations"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("provider", "uid", name="one_association_an_identity")
        ]


class Nameless(AbstractBaseUser):
    """Known by a username, without a first and a last name."""

    username = models.CharField(max_length=40, unique=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"
    objects: ClassVar[Any] = NamelessManager()


class Short(AbstractUser):
    """Its columns are shorter than Django's."""

    username = models.CharField(max_length=12, unique=True)
    first_name = models.CharField(max_length=5, blank=True)
    last_name = models.CharField(max_length=5, blank=True)
    email = models.EmailField(max_length=30, blank=True)

    groups: Any = None
    user_permissions: Any = None
