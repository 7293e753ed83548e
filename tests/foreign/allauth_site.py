"""A site that signs in with django-allauth: run alone, it says as JSON who came in."""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit

import django
import requests
from django.conf import settings

SANDBOX, PERSON = sys.argv[1], sys.argv[2]
settings.configure(
    SECRET_KEY="a site of allauth",
    ALLOWED_HOSTS=["localhost"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.patreon",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ROOT_URLCONF="allauth.urls",
    LOGIN_REDIRECT_URL="/",
    USE_TZ=True,
    SOCIALACCOUNT_EMAIL_VERIFICATION="none",
    SOCIALACCOUNT_STORE_TOKENS=True,
    SOCIALACCOUNT_PROVIDERS={
        "patreon": {
            "VERSION": "v2",
            "APPS": [{"client_id": "sandbox-client", "secret": "sandbox-secret"}],
        }
    },
)
django.setup()

from allauth.socialaccount.models import SocialAccount, SocialToken  # noqa: E402
from allauth.socialaccount.providers.patreon import views  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

for name in ("access_token_url", "authorize_url", "profile_url"):
    adapter = views.PatreonOAuth2Adapter
    there = getattr(adapter, name).replace("https://www.patreon.com", SANDBOX)
    setattr(adapter, name, there)
views.API_URL = f"{SANDBOX}/api/oauth2/v2"

call_command("migrate", verbosity=0)
browser = Client(headers={"host": "localhost"})
away = browser.post("/patreon/login/")["Location"]
back = requests.get(f"{away}&sandbox_user={PERSON}", allow_redirects=False, timeout=10)
callback = urlsplit(back.headers["Location"])
done = browser.get(f"{callback.path}?{callback.query}")
account = SocialAccount.objects.get()
sys.stdout.write(
    json.dumps(
        {
            "status": done.status_code,
            "email": account.user.email,
            "uid": account.uid,
            "tokens": SocialToken.objects.count(),
        }
    )
)
