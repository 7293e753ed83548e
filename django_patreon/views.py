"""Pages for the person: what of their Patreon is connected here, and the way to undo it."""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from social_core.exceptions import AuthPolicyError

from . import sync
from .access import Rule, keep_private, patron_of, sentence
from .access.page import locked_page
from .access.view_as import VIEW_AS, forget_view_as, may_view_as, remember_view_as
from .access.words import heading
from .entitlement import Facts, Reason, Requirement, decide
from .exceptions import PatreonError, ReconnectRequired
from .models import PatreonAccount, page_address, tier_id
from .own_urls import own_url
from .sign_in.disconnecting import disconnect, is_last_way_in

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["account", "locked", "refresh", "unlink", "view_as"]

logger = logging.getLogger("django_patreon")

_DECLINED = frozenset({Reason.DECLINED, Reason.DECLINED_GRACE, Reason.CHARGE_FAILED})
_ENDING = frozenset({Reason.CANCELLED, Reason.DECLINED_GRACE, Reason.BLANK_GRACE, Reason.GRANTED})


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
    try:
        disconnect(request, request.user)
    except AuthPolicyError:
        return _account_page(request, was_refused=True, status=409)
    _tell(request, _("Patreon is no longer connected to your account."))
    return redirect(own_url("account"))


@require_safe
@login_required
def locked(request: HttpRequest) -> HttpResponse:
    """Show what the person has of the site's campaign, or of another one of ours that is named
    by its id (`?campaign=`), and the way to more of it."""
    patron = patron_of(request)
    asked = request.GET.get("campaign") or None
    if asked is not None and not patron.knows_of(asked):
        raise Http404("This site knows of no such campaign.")
    page = locked_page(
        request,
        patron.decide(Rule(campaign=asked)),
        patron=patron,
        campaign_id=asked,
        come_back_to=_wanted(request, request.get_full_path() if asked else ""),
        status=200,
    )
    keep_private(page)
    return page


@never_cache
@transaction.non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask Patreon once about the person's memberships, and go back to where they were.

    "I have just joined: check again." One look, once in a while only. Whoever had to sign in first
    comes back by GET, which only leads on.
    """
    target = _wanted(request, "")
    if request.method != "POST":
        return _go_on(target)
    account = PatreonAccount.objects.filter(user=request.user.pk).first()
    if account is None:
        return redirect(own_url("account"))
    if account.needs_reconnect:
        return _connection_is_lost(request)
    try:
        may_look = sync.may_look_again(account)
    except DatabaseError as error:
        logger.error("Looking again at account %s failed: %s", account.patreon_id, error)
        _tell(
            request,
            _("This site cannot save anything right now. Please try again in a few minutes."),
        )
        return _go_on(target)
    if not may_look:
        _tell(request, _("We have just looked. Please try again in half a minute."))
    else:
        try:
            saved = sync.sync_account(account)
        except PatreonError as error:
            logger.warning("Looking again at account %s failed: %s", account.patreon_id, error)
            if isinstance(error, ReconnectRequired):
                return _connection_is_lost(request)
            _tell(request, _("Patreon could not be asked right now. Please try again later."))
        except DatabaseError as error:  # its type only: the text may quote values
            logger.error(
                "What Patreon says of account %s could not be saved: %s",
                account.patreon_id,
                type(error).__name__,
            )
            _tell(
                request,
                _("This site cannot save anything right now. Please try again in a few minutes."),
            )
        else:
            news = saved.created or saved.changed
            _tell(request, _("Your membership is up to date.") if news else _("Nothing is new."))
    return _go_on(target)


def _connection_is_lost(request: HttpRequest) -> HttpResponse:
    """Lead to the account page, which has the button that connects Patreon again."""
    _tell(request, _("Your connection to Patreon has ended. Please connect Patreon again."))
    return redirect(own_url("account"))


@never_cache
@require_POST
@login_required
def view_as(request: HttpRequest) -> HttpResponse:
    """Let staff look at the site as a patron of `tier`, or as nobody's (""); `stop` ends it.

    For this session only, and for whom `may_view_as` says. A creator cannot be their own patron
    (observed). It is logged as a warning: what a site has not set up would not show less.
    """
    if not may_view_as(request.user):
        raise PermissionDenied
    answer = HttpResponseRedirect(_wanted(request, "/"))
    if "stop" in request.POST:
        request.session.pop(VIEW_AS, None)
        forget_view_as(answer)
        logger.warning("User %s looks at the site as themselves again", request.user.pk)
        return answer
    named = request.POST.get("tier", "")
    found = tier_id(named) if named else ""
    if found is None or (found and found not in patron_of(request).known.tiers):
        _tell(request, _("Patreon has told this site of no such tier."))
        return answer
    request.session[VIEW_AS] = found
    remember_view_as(answer)
    logger.warning(
        "User %s looks at the site as %s",
        request.user.pk,
        f"a patron of tier {found}" if found else "nobody's patron",
    )
    return answer


def _wanted(request: HttpRequest, otherwise: str) -> str:
    """Return where the person wants to go on, if that is on this site."""
    asked = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if safe else otherwise


def _go_on(target: str) -> HttpResponse:
    """Go where the person wanted to, which is an address and not the name of a view."""
    return HttpResponseRedirect(target) if target else redirect(own_url("account"))


def _tell(request: HttpRequest, words: str) -> None:
    if hasattr(request, "_messages"):
        messages.info(request, words)


def _account_page(
    request: HttpRequest, *, was_refused: bool = False, status: int = 200
) -> HttpResponse:
    """No query beyond the account, what gates know of the person, and their other ways in."""
    found = PatreonAccount.objects.defer("refresh_token").filter(user=request.user.pk).first()
    return render(
        request,
        "django_patreon/account.html",
        {
            "patreon_account": found,
            "memberships": _memberships(request) if found else [],
            "is_last_way_in": was_refused
            or (found is not None and is_last_way_in(request, request.user)),
            "was_refused": was_refused,
        },
        status=status,
    )


def _memberships(request: HttpRequest) -> list[dict[str, Any]]:
    """How the person stands with the site's campaign, if there is one, and with each other one of
    ours that they have to do with."""
    patron = patron_of(request)
    found = []
    for asked in (None, *patron.belongs_to):
        decision = patron.decide(Rule(campaign=asked))
        if decision.reason is Reason.UNKNOWN_CAMPAIGN:
            continue
        facts = patron.facts(asked)
        campaign = patron.known.campaigns.get(facts.campaign_id or "")
        name = patron.known.name_to_say(campaign) if campaign else ""
        found.append(
            {
                "heading": heading(name, is_open=True),
                "campaign_id": asked or "",
                "why": sentence(decision),
                "has": patron.has(asked) if decision.allowed else [],
                "until": _end(facts) if decision.reason in _ENDING else None,  # the others renew
                "payment_url": page_address(campaign.url if campaign else "")
                if decision.reason in _DECLINED
                else "",
                "is_cancelled": decision.reason is Reason.CANCELLED,
                "is_banned": decision.reason is Reason.DENIED,
            }
        )
    return found


def _end(facts: Facts) -> datetime | None:
    """When what opens the site to them ends (T8). That news grows old is no end: we ask again."""
    policy = dataclasses.replace(facts.policy, max_age=timedelta.max)
    return decide(Requirement(), dataclasses.replace(facts, policy=policy)).until
