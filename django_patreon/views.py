"""Pages for the person: what of their Patreon is connected here, and the way to undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from social_core.exceptions import AuthPolicyError
from social_django.utils import load_backend, load_strategy

from .models import PatreonAccount

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["account", "unlink"]


@never_cache
@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show what is connected, and offer to connect or disconnect."""
    return _account_page(request)


@never_cache
@require_POST
@login_required
def unlink(request: HttpRequest) -> HttpResponse:
    """Disconnect Patreon from the signed-in user.

    Refused, with the way out, when it is the only way they have to sign in.
    """
    strategy = load_strategy(request)  # type: ignore[no-untyped-call]
    backend = load_backend(strategy, "patreon", redirect_uri=None)  # type: ignore[no-untyped-call]
    try:
        with transaction.atomic():
            backend.disconnect(user=request.user)
            PatreonAccount.objects.filter(user=request.user.pk).delete()
    except AuthPolicyError:
        return _account_page(request, is_last_way_in=True, status=409)
    if hasattr(request, "_messages"):
        messages.success(request, _("Patreon is no longer connected to your account."))
    return redirect("patreon:account")


def _account_page(
    request: HttpRequest, *, is_last_way_in: bool = False, status: int = 200
) -> HttpResponse:
    found = PatreonAccount.objects.defer("refresh_token").filter(user=request.user.pk).first()
    return render(
        request,
        "django_patreon/account.html",
        {"patreon_account": found, "is_last_way_in": is_last_way_in},
        status=status,
    )
