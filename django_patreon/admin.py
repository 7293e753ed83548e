"""The operator's view: who is connected, in which state. To look at, not to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from .models import PatreonAccount

if TYPE_CHECKING:
    from django.http import HttpRequest

    _ModelAdmin = admin.ModelAdmin[PatreonAccount]
else:
    _ModelAdmin = admin.ModelAdmin  # a plain class at run time


@admin.register(PatreonAccount)
class PatreonAccountAdmin(_ModelAdmin):
    list_display = (
        "full_name_or_id",
        "user",
        "connection",
        "token_expires_at",
        "last_sign_in_at",
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
    )

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
        return bool(account.access_token and account.refresh_token)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
