"""Who is measured: ours, social-auth's own backend, allauth's provider, and the least possible."""

from __future__ import annotations

from urllib.parse import urlencode

import requests
from allauth.socialaccount.providers.patreon import views as allauth_views
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.http import HttpRequest, HttpResponse
from social_core.backends.patreon import PatreonOAuth2 as Stock

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
    query = {
        "response_type": "code",
        "client_id": settings.SOCIAL_AUTH_PATREON_KEY,
        "redirect_uri": request.build_absolute_uri("/floor/complete/"),
        "scope": "identity identity[email]",
        "state": "x",
    }
    response = HttpResponse(status=302)
    response["Location"] = f"{settings.BASE_URL}/oauth2/authorize?{urlencode(query)}"
    return response


def floor_complete(request: HttpRequest) -> HttpResponse:
    form = {
        "grant_type": "authorization_code",
        "code": request.GET["code"],
        "redirect_uri": request.build_absolute_uri("/floor/complete/"),
        "client_id": settings.SOCIAL_AUTH_PATREON_KEY,
        "client_secret": settings.SOCIAL_AUTH_PATREON_SECRET,
    }
    verify = settings.BENCHMARK_AUTHORITY
    token = _session.post(
        f"{settings.BASE_URL}/api/oauth2/token", data=form, timeout=10, verify=verify
    ).json()["access_token"]
    person = _session.get(
        IDENTITY, headers={"Authorization": f"Bearer {token}"}, timeout=10, verify=verify
    ).json()["data"]
    user, _ = get_user_model().objects.get_or_create(username=f"floor-{person['id']}")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(status=302, headers={"Location": "/"})


# Where each begins, and who signs in there: people of their own, since allauth minds addresses.
CONTENDERS = {
    "the floor": ("/floor/begin/", "gold"),
    "django_patreon": ("/login/patreon/", "silver"),
    "social-auth's own": ("/login/stock/", "bronze"),
    "allauth": ("/allauth/patreon/login/", "custom"),
}
