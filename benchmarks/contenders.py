"""Who is measured: ours, social-auth's own backend, allauth's provider, and the least possible."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from allauth.socialaccount.providers.patreon import views as allauth_views
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from social_core.backends.patreon import PatreonOAuth2 as Stock

from django_patreon.models import Campaign, Membership, PatreonAccount, Tier
from django_patreon.resources import IDENTITY_FIELDS, IDENTITY_INCLUDE

IDENTITY = f"{settings.BASE_URL}/api/oauth2/v2/identity?" + urlencode(
    {f"fields[{kind}]": ",".join(names) for kind, names in IDENTITY_FIELDS.items()}
    | {"include": ",".join(IDENTITY_INCLUDE)}
)


class StockSocialAuth(Stock):
    """social-auth's own backend, pointed at the sandbox; as it is, it gets nobody's name."""

    name = "stock"
    AUTHORIZATION_URL = f"{settings.BASE_URL}/oauth2/authorize"
    ACCESS_TOKEN_URL = f"{settings.BASE_URL}/api/oauth2/token"

    def get_api(self, access_token, suffix):
        return self.get_json(IDENTITY, headers=self.get_auth_header(access_token))


_adapter = allauth_views.PatreonOAuth2Adapter
for _name in ("access_token_url", "authorize_url", "profile_url"):
    setattr(
        _adapter,
        _name,
        getattr(_adapter, _name).replace("https://www.patreon.com", settings.BASE_URL),
    )
allauth_views.API_URL = f"{settings.BASE_URL}/api/oauth2/v2"

# -- the floor: two requests on a warm session, a user, a login; no checks, nothing stored

_session = requests.Session()
_session.trust_env = False


def floor_begin(request: HttpRequest) -> HttpResponse:
    return _to_patreon("/floor/complete/", request, state="x")


def _to_patreon(back: str, request: HttpRequest, *, state: str) -> HttpResponse:
    query = {
        "response_type": "code",
        "client_id": settings.SOCIAL_AUTH_PATREON_KEY,
        "redirect_uri": request.build_absolute_uri(back),
        "scope": "identity identity[email]",
        "state": state,
    }
    response = HttpResponse(status=302)
    response["Location"] = f"{settings.BASE_URL}/oauth2/authorize?{urlencode(query)}"
    return response


def _ask(back: str, request: HttpRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Exchange the code, and read the identity."""
    form = {
        "grant_type": "authorization_code",
        "code": request.GET["code"],
        "redirect_uri": request.build_absolute_uri(back),
        "client_id": settings.SOCIAL_AUTH_PATREON_KEY,
        "client_secret": settings.SOCIAL_AUTH_PATREON_SECRET,
    }
    verify = settings.BENCHMARK_AUTHORITY
    grant = _session.post(
        f"{settings.BASE_URL}/api/oauth2/token", data=form, timeout=10, verify=verify
    ).json()
    headers = {"Authorization": f"Bearer {grant['access_token']}"}
    return grant, _session.get(IDENTITY, headers=headers, timeout=10, verify=verify).json()


def floor_complete(request: HttpRequest) -> HttpResponse:
    person = _ask("/floor/complete/", request)[1]["data"]
    user, _ = get_user_model().objects.get_or_create(username=f"floor-{person['id']}")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(status=302, headers={"Location": "/"})


# -- by hand: what a careful site writes to keep what our own sign-in keeps, in our own tables


def by_hand_begin(request: HttpRequest) -> HttpResponse:
    request.session["by_hand_state"] = secrets.token_urlsafe(24)
    return _to_patreon("/by-hand/complete/", request, state=request.session["by_hand_state"])


def by_hand_complete(request: HttpRequest) -> HttpResponse:
    assert request.GET["state"] == request.session.pop("by_hand_state")
    grant, document = _ask("/by-hand/complete/", request)
    included = {(each["type"], each["id"]): each for each in document["included"]}
    with transaction.atomic():
        user = _keep(document["data"], grant, included)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(status=302, headers={"Location": "/"})


def _keep(
    person: dict[str, Any], grant: dict[str, Any], included: dict[tuple[str, str], dict[str, Any]]
) -> Any:
    about = person["attributes"]
    account = PatreonAccount.objects.select_related("user").filter(patreon_id=person["id"]).first()
    if account is None:
        user = get_user_model().objects.create_user(
            f"by-hand-{person['id']}",
            about["email"] if about["is_email_verified"] else "",
            first_name=about["first_name"],
            last_name=about["last_name"],
        )
        account = PatreonAccount(patreon_id=person["id"], user=user)
    account.full_name, account.vanity = about["full_name"], about["vanity"] or ""
    account.image_url, account.url = about["image_url"], about["url"]
    account.access_token = grant["access_token"]
    account.refresh_token = grant["refresh_token"]
    account.token_expires_at = timezone.now() + timedelta(seconds=grant["expires_in"])
    account.scopes = grant["scope"].split()
    account.last_sign_in_at = timezone.now()
    account.save()
    for (kind, key), member in included.items():
        if kind == "member":
            _keep_membership(key, member, account, included)
    return account.user


def _keep_membership(
    key: str,
    member: dict[str, Any],
    account: PatreonAccount,
    included: dict[tuple[str, str], dict[str, Any]],
) -> None:
    related = member["relationships"]
    campaign_id = related["campaign"]["data"]["id"]
    campaign, _ = Campaign.objects.get_or_create(
        patreon_id=campaign_id,
        defaults={
            "name": included["campaign", campaign_id]["attributes"].get("name") or "",
            "fetched_at": timezone.now(),
            "is_ours": True,
        },
    )
    about = member["attributes"]
    names = (
        "patron_status",
        "last_charge_status",
        "currently_entitled_amount_cents",
        "will_pay_amount_cents",
        "campaign_lifetime_support_cents",
        "pledge_cadence",
        "is_gifted",
        "is_free_trial",
    )
    dates = ("last_charge_date", "next_charge_date", "pledge_relationship_start")
    row, _ = Membership.objects.update_or_create(
        patreon_id=key,
        defaults={
            "campaign": campaign,
            "account": account,
            "patreon_user_id": account.patreon_id,
            "full_name": account.full_name,
            "fetched_at": timezone.now(),
            **{name: about[name] for name in names if about.get(name) is not None},
            **{name: parse_datetime(about[name]) for name in dates if about.get(name)},
        },
    )
    held = [each["id"] for each in related["currently_entitled_tiers"]["data"]]
    known = {each.patreon_id: each for each in Tier.objects.filter(patreon_id__in=held)}
    for tier_id in held:
        if tier_id not in known:
            tier = included["tier", tier_id]["attributes"]
            known[tier_id] = Tier.objects.create(
                patreon_id=tier_id,
                campaign=campaign,
                title=tier["title"],
                amount_cents=tier["amount_cents"],
                fetched_at=timezone.now(),
            )
    row.tiers.set(known.values())


# Where each begins, and who signs in there: people of their own, since allauth minds addresses.
CONTENDERS = {
    "the floor": ("/floor/begin/", "gold"),
    "by hand": ("/by-hand/begin/", "emoji"),
    "django_patreon": ("/login/patreon/", "silver"),
    "social-auth's own": ("/login/stock/", "bronze"),
    "allauth": ("/allauth/patreon/login/", "custom"),
}
