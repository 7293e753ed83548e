"""django-oauth-toolkit as a server that ends a family of tokens when a refresh token is used twice.

Run alone, it says its address, and takes `issue`, `count` and `works TOKEN` on stdin.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import django
from django.conf import settings

folder = tempfile.TemporaryDirectory()
settings.configure(
    SECRET_KEY="a server of somebody else's",
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(folder.name) / "server.sqlite3",
            "OPTIONS": {
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL",
                "transaction_mode": "IMMEDIATE",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    ROOT_URLCONF="oauth2_provider.urls",
    USE_TZ=True,
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "ROTATE_REFRESH_TOKEN": True,
        "SCOPES": {"identity": "who you are"},
    },
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import (  # noqa: E402
    get_access_token_model,
    get_application_model,
    get_refresh_token_model,
)

asked: list[str] = []


class Handler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        asked.append(str(self.path))


def application(environ: dict[str, str], start_response: object) -> object:
    environ["PATH_INFO"] = environ["PATH_INFO"].replace("/api/oauth2/token", "/token/")
    return django_application(environ, start_response)  # type: ignore[arg-type]


def issue() -> str:
    """A pair of tokens, as a sign-in would have brought; the access token has run out."""
    number = get_access_token_model().objects.count()
    access = get_access_token_model().objects.create(
        user=user,
        application=client,
        token=f"access-{number}",
        scope="identity",
        expires=timezone.now() - timedelta(minutes=1),
    )
    get_refresh_token_model().objects.create(
        user=user,
        application=client,
        token=f"refresh-{number}",
        access_token=access,
        token_family=uuid.uuid4(),
    )
    return f"access-{number} refresh-{number}"


call_command("migrate", verbosity=0)
django_application = get_wsgi_application()
user = get_user_model().objects.create_user("somebody")
client = get_application_model().objects.create(
    client_id="sandbox-client",
    client_secret="sandbox-secret",
    client_type="confidential",
    authorization_grant_type="authorization-code",
    redirect_uris="http://127.0.0.1/back",
)
server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.set_app(application)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "issue":
        said = issue()
    elif word == "works":
        token = get_access_token_model().objects.filter(token=rest[0]).first()
        said = "yes" if token is not None and token.is_valid(["identity"]) else "no"
    else:
        said = str(len(asked))
        asked.clear()
    print(said, flush=True)
