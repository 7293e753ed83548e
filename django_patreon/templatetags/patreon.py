"""`{% load patreon %}`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from django.http import HttpRequest

register = template.Library()


@register.inclusion_tag("django_patreon/login_button.html", takes_context=True)
def patreon_login_button(
    context: template.Context, text: str = "", next: str | None = None, css_class: str = ""
) -> dict[str, Any]:
    """Show the button that begins signing in with Patreon, or linking for who is signed in.

    `text` replaces the words on it, `next` is where the person comes back to (this page when left
    out, or where this page's own `?next=` leads), `css_class` is added to the button's classes.
    """
    request: HttpRequest | None = context.get("request")
    return {
        "csrf_token": context.get("csrf_token"),
        "begin": f"{getattr(settings, 'SOCIAL_AUTH_URL_NAMESPACE', None) or 'social'}:begin",
        "text": text,
        "next": next if next is not None else _come_back_to(request),
        "next_name": REDIRECT_FIELD_NAME,
        "css_class": css_class,
    }


def _come_back_to(request: HttpRequest | None) -> str:
    if request is None:
        return ""
    asked = request.GET.get(REDIRECT_FIELD_NAME, "")
    if asked and url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return asked
    # The answer to a POST may not be a page that can be visited again.
    return request.get_full_path() if request.method in ("GET", "HEAD") else ""
