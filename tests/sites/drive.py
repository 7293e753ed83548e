"""`python -m tests.sites.drive SITE`: set a site up, sign people in there, print what became of it.

A program of its own, because Django takes its user model and databases once.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import responses
from django.conf import settings

from tests import settings as usual
from tests.sites.two_clients import CLIENTS

MIDDLEWARE = usual.MIDDLEWARE
SITES: dict[str, dict[str, Any]] = {
    "plain": {},
    "users known by e-mail": {"AUTH_USER_MODEL": "sites.ByEmail"},
    "users without names": {"AUTH_USER_MODEL": "sites.Nameless"},
    "short columns": {"AUTH_USER_MODEL": "sites.Short"},
    "no default database": {
        "DATABASES": {"default": {}, "main": usual.DATABASES["default"]},
        "DATABASE_ROUTERS": ["tests.sites.routers.Main"],
    },
    "a replica that is behind": {
        "DATABASES": {"default": usual.DATABASES["default"], "replica": {}},
        "DATABASE_ROUTERS": ["tests.sites.routers.Behind"],
    },
    "requests in a transaction": {
        "DATABASES": {"default": usual.DATABASES["default"] | {"ATOMIC_REQUESTS": True}}
    },
    "social-auth's middleware": {
        "MIDDLEWARE": [*MIDDLEWARE, "social_django.middleware.SocialAuthExceptionMiddleware"]
    },
    "associations of its own": {
        "SOCIAL_AUTH_STORAGE": "tests.sites.storage.Storage",
    },
    "users are read from a replica": {
        "DATABASES": {"default": usual.DATABASES["default"], "replica": {}},
        "DATABASE_ROUTERS": ["tests.sites.routers.UsersBehind"],
        "PATREON": {**usual.PATREON, "LINK_VERIFIED_EMAIL": True},
    },
    "one key for all providers": {
        "SOCIAL_AUTH_PATREON_KEY": None,
        "SOCIAL_AUTH_PATREON_SECRET": None,
        "SOCIAL_AUTH_KEY": "sandbox-client",
        "SOCIAL_AUTH_SECRET": "sandbox-secret",
    },
    "an app called patreon": {
        "INSTALLED_APPS": [*usual.INSTALLED_APPS, "tests.sites.patreon"],
        "ROOT_URLCONF": "tests.sites.patreon_urls",
    },
    "a client for each host": {
        "SOCIAL_AUTH_PATREON_KEY": None,
        "SOCIAL_AUTH_PATREON_SECRET": None,
        "SOCIAL_AUTH_STRATEGY": "tests.sites.strategies.ByHost",
        "PATREON": usual.PATREON | {"CLIENTS": CLIENTS},
    },
}


def configure(site: str, folder: str) -> None:
    names = [each for each in dir(usual) if each.isupper() and each != "TEST_DB"]
    chosen = {each: getattr(usual, each) for each in names}
    chosen |= {"ROOT_URLCONF": "tests.sites.urls", "LOGIN_URL": "/"} | SITES[site]
    chosen = {name: value for name, value in chosen.items() if value is not None}
    databases = {
        alias: (
            {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/{alias}.sqlite3"}
            if usual.TEST_DB == "sqlite"
            else given | {"NAME": f"{usual.DATABASES['default']['TEST']['NAME']}_site"}
        )
        | {"ATOMIC_REQUESTS": given.get("ATOMIC_REQUESTS", False)}
        for alias, given in chosen["DATABASES"].items()
    }
    if site == "no default database":
        databases["default"] = {}
    unused = ["django.contrib.admin"]  # which wants permissions that some of these users lack
    apps = [each for each in chosen["INSTALLED_APPS"] if each not in unused]
    chosen |= {
        "DATABASES": databases,
        "INSTALLED_APPS": [*apps, "tests.sites"],
        "MIGRATION_MODULES": {each.rpartition(".")[2]: None for each in [*apps, "tests.sites"]},
        "LOGIN_REDIRECT_URL": "/",
    }
    settings.configure(**chosen)
    django.setup()


def main(site: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        configure(site, folder)
        stale = site == "users are read from a replica"
        with database():
            print(json.dumps(drive_stale_users(folder) if stale else drive(folder)))


@contextmanager
def database() -> Iterator[None]:
    """On a server, make a database for the site, and drop it at last."""
    from django.db import connection, connections

    if usual.TEST_DB == "sqlite":
        yield
        return
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield
    finally:
        connections.close_all()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def drive(folder: str) -> dict[str, Any]:
    """Return what became of each sign-in: the status of the last page, and who is signed in."""
    from django.contrib.auth import get_user_model
    from django.core.checks import run_checks
    from django.core.management import call_command
    from django.db import connections, router

    from django_patreon import tokens
    from django_patreon.models import Membership, PatreonAccount
    from django_patreon.own_urls import own_url
    from django_patreon.sandbox import Sandbox
    from django_patreon.sandbox.ids import BRONZE, FREE, GOLD
    from django_patreon.sign_in.associations import association_model
    from django_patreon.signals import account_linked, membership_changed
    from tests.dance import Dance, wire
    from tests.sites.two_clients import TwoClients

    for alias in connections:
        if not connections[alias].settings_dict["ENGINE"].endswith("dummy"):
            call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    inside: list[bool] = []

    def hear(**kwargs: Any) -> None:
        inside.append(any(each.in_atomic_block for each in connections.all(initialized_only=True)))

    for signal in (account_linked, membership_changed):
        signal.connect(hear, weak=False)
    sandbox = Sandbox(url="https://www.patreon.com")
    both = TwoClients(sandbox, Sandbox(url="https://www.patreon.com"))
    told: dict[str, Any] = {}

    def sign_in(slug: str, host: str = "localhost") -> list[Any]:
        dance = Dance(both)  # type: ignore[arg-type]
        dance.client.defaults["HTTP_HOST"] = host
        answer = dance.sign_in(slug)
        told["pages"] = pages(dance)
        user = get_user_model().objects.using(router.db_for_write(get_user_model()))
        key = dance.client.session.get("_auth_user_id")
        return [answer.status_code, None if key is None else user.get(pk=key).get_username()]

    def pages(dance: Dance) -> list[Any]:
        """Show our pages: the status of each, and whether it is made of our templates."""
        answers = [dance.client.get(own_url(name)) for name in ("account", "locked")]
        shown = [[each.status_code, b"patreon-page" in each.content] for each in answers]
        return [*shown, dance.client.post(own_url("refresh")).status_code]

    def tiers() -> list[str]:
        rows = Membership.objects.using(router.db_for_write(Membership))
        held = rows.filter(full_name__startswith="Bo").values_list("tiers__patreon_id", flat=True)
        return sorted(each for each in held if each in (BRONZE, GOLD))

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire(mock, both)  # type: ignore[arg-type]
        for slug in ("gold", "no-email", "unverified", "emoji"):
            told[slug] = sign_in(slug)
        told["gold again"] = sign_in("gold")
        told["on another host"] = sign_in("two-tiers", "127.0.0.1")
        accounts = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
        for slug in ("gold", "two-tiers"):
            named = sandbox.world.person_called(slug)
            assert named is not None
            tokens.refresh(accounts.get(patreon_id=named.id))
        told["renewed"] = both.renewed
        long = sandbox.world.person_called("silver")
        assert long is not None
        long.full_name, long.first_name = "S" * 1000, "F" * 1000
        told["long names"] = sign_in("silver")
        long = sandbox.world.person_called("custom")
        assert long is not None
        long.email = "c" * 40 + "@" + "example." * 32 + "org"
        told["a long address"] = sign_in("custom")

        person = sandbox.world.person_called("bronze")
        assert person is not None
        person.full_name = "Bo"
        (member,) = sandbox.world.memberships_of(person.id)
        sign_in("bronze")
        for alias in ("replica", "default") if "replica" in connections else ():
            connections[alias].close()
        if "replica" in connections:  # and hears of nothing from now on
            shutil.copy(f"{folder}/default.sqlite3", f"{folder}/replica.sqlite3")
        told["tiers"] = []
        for tier in (GOLD, BRONZE):
            member.tier_ids = [tier, FREE]
            sign_in("bronze")
            told["tiers"].append(tiers() == [tier])
        told["associations"] = _move_and_delete(sandbox, sign_in)
        call_command("patreon_adopt", source="social-auth", stdout=io.StringIO())
        told["after a run without anything to adopt"] = sign_in("gold")
        accounts = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
        accounts.filter(patreon_id=person.id).delete()
        associations = association_model().objects.using(router.db_for_write(association_model()))
        pair = {"access_token": "old", "refresh_token": "old-too"}
        associations.filter(uid=person.id).update(extra_data=pair)
        call_command("patreon_adopt", source="social-auth", stdout=io.StringIO())
        assert accounts.get(patreon_id=person.id).access_token == "old"
        assert associations.get(uid=person.id).extra_data == {}
        told["after adopting"] = sign_in("bronze")
    found = run_checks()
    told["faults"] = [str(each) for each in found if str(each.id).startswith("django_patreon")]
    told["signals after the commit"] = bool(inside) and not any(inside)
    return told


def _move_and_delete(sandbox: Any, sign_in: Any) -> list[bool]:
    """Move somebody's association to another user, then delete it; does the account follow?"""
    from django.contrib.auth import get_user_model
    from django.db import router
    from social_django.utils import load_strategy

    from django_patreon.models import PatreonAccount

    person = sandbox.world.person_called("gold")
    users = get_user_model().objects.using(router.db_for_write(get_user_model()))
    accounts = PatreonAccount.objects.using(router.db_for_write(PatreonAccount))
    of_gold = accounts.filter(patreon_id=person.id)
    model = load_strategy().storage.user
    rows = model.objects.using(router.db_for_write(model))
    row = rows.get(provider="patreon", uid=person.id)
    older = users.model(**{users.model.USERNAME_FIELD: "older@a.org"})
    older.save()
    row.user = older
    row.save()
    moved = of_gold.get().user_id == older.pk
    signs_in = sign_in("gold") == [302, "older@a.org"]
    rows.get(pk=row.pk).delete()
    return [moved, signs_in, not of_gold.exists()]


def drive_stale_users(folder: str) -> dict[str, Any]:
    """A user's address has changed, which the replica has not heard of. Who has it on Patreon?"""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connections

    from django_patreon.models import PatreonAccount
    from django_patreon.sandbox import Sandbox
    from tests.dance import Dance, wire

    call_command("migrate", database="default", run_syncdb=True, verbosity=0)
    get_user_model().objects.create_user("former", "gold@example.org")
    for alias in ("default", "replica"):
        connections[alias].close()
    shutil.copy(f"{folder}/default.sqlite3", f"{folder}/replica.sqlite3")
    get_user_model().objects.using("default").update(email="former@example.org")
    sandbox = Sandbox(url="https://www.patreon.com")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire(mock, sandbox)
        Dance(sandbox).sign_in("gold")
    return {"joined": list(PatreonAccount.objects.values_list("user__username", flat=True))}


if __name__ == "__main__":
    main(sys.argv[1])
