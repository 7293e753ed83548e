"""The address that monitoring asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .doctor import problems

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["health"]


@never_cache
@require_safe
@login_not_required
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the site keeps up with Patreon, else 503 and what is wrong.

    Everybody may ask: the answer names no person, no campaign and no secret.
    """
    found = problems()
    return JsonResponse({"problems": found}, status=503 if found else 200)
