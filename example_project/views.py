from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from django_patreon.access import patron_required
from django_patreon.conf import PatreonSettings, patreon_settings

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"  # noqa: S105


def front(request: HttpRequest) -> HttpResponse:
    # While Patreon is pretended it has a room where everybody's pledges are moved by hand.
    pretended = patreon_settings().base_url
    room = "" if pretended == PatreonSettings.BASE_URL else pretended
    return render(request, "front.html", {"control_room": room})


def salt(request: HttpRequest) -> HttpResponse:
    """For everybody."""
    return render(request, "story.html", {"heading": "Salt and Tallow"})


@patron_required
def ledger(request: HttpRequest) -> HttpResponse:
    """For everybody who supports us with anything."""
    return render(request, "story.html", {"heading": "The Keeper's Ledger"})


@patron_required(at_least="silver")
def staircase(request: HttpRequest) -> HttpResponse:
    """For Silver, and for what is worth as much."""
    return render(request, "story.html", {"heading": "The Second Staircase"})


def register(request: HttpRequest) -> HttpResponse:
    """Make an account with a password; Patreon can be connected later."""
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), backend=PASSWORD_BACKEND)
        return redirect("patreon:account")
    return render(request, "form.html", {"form": form, "heading": "Register", "action": "Register"})


@login_required
def set_password(request: HttpRequest) -> HttpResponse:
    """Let somebody who came with Patreon have a password, too: a second way in."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  (what login_required means)
    kind = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    form = kind(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, f"Your password is set. You sign in as {user.get_username()}.")
        return redirect("patreon:account")
    return render(
        request, "form.html", {"form": form, "heading": "Set a password", "action": "Save"}
    )
