"""`python -m tests.reversible`: migrate to the end, back to nothing, and to the end again."""

from __future__ import annotations

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection


def main() -> None:
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "social_django",
            "django_patreon",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        SECRET_KEY="for this only",
        SOCIAL_AUTH_PATREON_KEY="x",
        SOCIAL_AUTH_PATREON_SECRET="x",
        AUTHENTICATION_BACKENDS=["django_patreon.backends.PatreonOAuth2"],
    )
    django.setup()
    for target in (None, "zero", None):
        call_command(*filter(None, ["migrate", "django_patreon", target]), verbosity=0)
        ours = [
            each
            for each in connection.introspection.table_names()
            if each.startswith("django_patreon_")
        ]
        assert bool(ours) == (target is None), ours


if __name__ == "__main__":
    main()
