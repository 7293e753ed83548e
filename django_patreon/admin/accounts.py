"""Patreon accounts: who is connected, in which state."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from django_patreon.models import Grant, Membership, PatreonAccount

from .actions import Mending
from .rows import ToLookAt
from .words import link_to_list

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["PatreonAccountAdmin"]


@admin.register(PatreonAccount)
class PatreonAccountAdmin(Mending, ToLookAt):
    list_display = (
        "full_name_or_id",
        "user",
        "connection",
        "token_expires_at",
        "its_memberships",
    )
    list_filter = ("state", "token_expires_at", "last_sign_in_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_fields = ("full_name", "vanity", "email", "patreon_id")
    fieldsets = (
        (None, {"fields": ("user", "patreon_id", "full_name", "vanity", "email", "url")}),
        (
            _("Connection"),
            {"fields": ("connection", "scopes_in_words", "token_expires_at", "has_tokens")},
        ),
        (
            _("Last refresh"),
            {
                "fields": (
                    "last_refresh_attempt_at",
                    "last_refresh_success_at",
                    "last_refresh_failure_at",
                    "last_refresh_message",
                )
            },
        ),
        (_("Dates"), {"fields": ("last_sign_in_at", "created_at")}),
        (_("More"), {"fields": ("its_memberships", "its_grants")}),
    )

    class Media:
        css: ClassVar = {"all": ("django_patreon/admin.css",)}

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [*self.search_fields, f"user__{get_user_model().USERNAME_FIELD}"]

    @admin.display(description=_("Patreon name"), ordering="full_name")
    def full_name_or_id(self, account: PatreonAccount) -> str:
        return str(account)

    @admin.display(description=_("state"), ordering="state")
    def connection(self, account: PatreonAccount) -> str:
        # Also when no key opens the tokens any more, which the column cannot know.
        state = PatreonAccount.State
        return str((state.RECONNECT if account.needs_reconnect else state(account.state)).label)

    @admin.display(description=_("granted scopes"))
    def scopes_in_words(self, account: PatreonAccount) -> str:
        return ", ".join(account.scopes)

    @admin.display(description=_("has tokens"), boolean=True)
    def has_tokens(self, account: PatreonAccount) -> bool:
        return bool(account.access_token.readable and account.refresh_token.readable)

    @admin.display(description=_("memberships"))
    def its_memberships(self, account: PatreonAccount) -> str:
        return link_to_list(Membership, _("memberships"), account__id__exact=account.pk)

    @admin.display(description=_("passes and bans"))
    def its_grants(self, account: PatreonAccount) -> str:
        return link_to_list(Grant, _("passes and bans"), user__id__exact=account.user_id)
