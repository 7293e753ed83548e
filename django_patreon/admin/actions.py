"""What operators can do in the admin: connect a campaign; renew the tokens of an account, or
disconnect it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path
from django.utils.translation import gettext as _
from social_core.exceptions import AuthPolicyError

from django_patreon import sync, tokens
from django_patreon.exceptions import PatreonError
from django_patreon.models import PatreonAccount
from django_patreon.own_urls import own_url
from django_patreon.sign_in.creator import begin_url, may_connect
from django_patreon.sign_in.disconnecting import disconnect

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["Connecting", "Mending"]

CHANGE = "admin:django_patreon_patreonaccount_change"


class Connecting(_ModelAdmin):
    """A button that connects a campaign, for staff who may change campaigns."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), **_connecting(request)})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        context.update(_connecting(request))
        return super().render_change_form(request, context, *args, **more)


def _connecting(request: HttpRequest) -> dict[str, str]:
    """Return where the button posts to, and where it leads back to."""
    url = begin_url() if may_connect(request.user) else ""
    return {"connect_url": url, "connect_next": request.path}


class Mending(_ModelAdmin):
    """Buttons on an account's page, by POST, for staff who may change Patreon accounts."""

    def get_urls(self) -> list[URLPattern]:
        name = "django_patreon_patreonaccount"
        wrap = self.admin_site.admin_view
        # A renewal must not be part of a transaction that somebody rolls back.
        renew = transaction.non_atomic_requests(wrap(partial(_renew, self)))
        ask = transaction.non_atomic_requests(wrap(partial(_ask, self)))
        own = [
            path("<int:pk>/ask/", ask, name=f"{name}_ask"),
            path("<int:pk>/renew/", renew, name=f"{name}_renew"),
            path(
                "<int:pk>/disconnect/", wrap(partial(_disconnect, self)), name=f"{name}_disconnect"
            ),
        ]
        return own + super().get_urls()

    def may_mend(self, request: HttpRequest) -> bool:
        """Not `has_change_permission`, which would open the columns to editing."""
        user: Any = request.user
        return bool(user.has_perm("django_patreon.change_patreonaccount"))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        account = context.get("original")
        context["can_mend"] = self.may_mend(request)
        if account is not None and account.needs_reconnect:
            context["is_own"] = account.user_id == request.user.pk
            context["ask_by_mail"] = _letter(request, account)
        return super().render_change_form(request, context, *args, **more)


def _letter(request: HttpRequest, account: PatreonAccount) -> str:
    """Return a mailto: address that asks the person to connect again; "" without an address."""
    user: Any = account.user
    to = getattr(user, user.get_email_field_name(), "") or account.email
    if not to:
        return ""
    try:
        where = request.build_absolute_uri(own_url("account"))
    except NoReverseMatch:  # this site has no such page
        where = request.build_absolute_uri("/")
    words = {
        "subject": _("Your connection to Patreon"),
        "body": _("Please connect your account to Patreon again: %(where)s") % {"where": where},
    }
    return f"mailto:{quote(to, safe='@')}?{urlencode(words, quote_via=quote)}"


def _account(page: Mending, request: HttpRequest, pk: int) -> PatreonAccount:
    if not page.may_mend(request):
        raise PermissionDenied
    return get_object_or_404(PatreonAccount, pk=pk)


def _renew(page: Mending, request: HttpRequest, pk: int) -> HttpResponse:
    account = _account(page, request, pk)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        tokens.refresh(account)
    except PatreonError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The tokens are new."))
        page.log_change(request, account, "Renewed the tokens.")
    return redirect(CHANGE, pk)


def _ask(page: Mending, request: HttpRequest, pk: int) -> HttpResponse:
    """Ask Patreon about one person now, after a confirmation."""
    account = _account(page, request, pk)
    if request.method != "POST":
        context = {
            **page.admin_site.each_context(request),
            "title": _("Ask Patreon now?"),
            "account": account,
            "opts": PatreonAccount._meta,
        }
        template = "admin/django_patreon/patreonaccount/ask.html"
        return TemplateResponse(request, template, context)
    try:
        saved = sync.sync_account(account)
    except PatreonError as error:
        messages.error(request, str(error))
    else:
        page.log_change(request, account, "Asked Patreon.")
        said = _("Patreon has answered: %(new)s new memberships, %(changed)s changed.")
        messages.success(request, said % {"new": saved.created, "changed": saved.changed})
    return redirect(CHANGE, pk)


def _disconnect(page: Mending, request: HttpRequest, pk: int) -> HttpResponse:
    account = _account(page, request, pk)
    if request.method != "POST":
        context = {
            **page.admin_site.each_context(request),
            "title": _("Disconnect from Patreon?"),
            "account": account,
            "opts": PatreonAccount._meta,
        }
        template = "admin/django_patreon/patreonaccount/disconnect.html"
        return TemplateResponse(request, template, context)
    name = str(account)
    try:
        with transaction.atomic(using=router.db_for_write(PatreonAccount, instance=account)):
            page.log_change(request, account, "Disconnected from Patreon.")  # while it has a key
            disconnect(request, account.user)
    except AuthPolicyError:
        messages.error(
            request,
            _("Patreon is the only way this user has to sign in. Give them a password first."),
        )
        return redirect(CHANGE, pk)
    messages.success(request, _("%(name)s is no longer connected.") % {"name": name})
    return redirect("admin:django_patreon_patreonaccount_changelist")
