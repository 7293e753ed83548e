"""Joining by e-mail, interrupted pipelines, and accounts that go when their association goes."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from social_core.pipeline import DEFAULT_AUTH_PIPELINE
from social_core.pipeline.partial import partial
from social_django.models import Partial, UserSocialAuth

from django_patreon import tokens
from django_patreon.backends import PIPELINE
from django_patreon.models import PatreonAccount
from django_patreon.signals import account_linked, account_unlinked
from tests.dance import Dance

User = get_user_model()
ADDRESS = "gold@example.org"


@pytest.fixture
def linking(settings) -> None:
    settings.PATREON = {"LINK_VERIFIED_EMAIL": True}


def local(name: str = "local", email: str = ADDRESS, **more: object):
    return User.objects.create_user(name, email, "password", **more)


def test_an_address_joins_nobody_unless_the_site_says_so(dance: Dance) -> None:
    """T23."""
    before = local()
    dance.sign_in("gold")
    assert dance.user != before


@pytest.mark.usefixtures("linking")
class TestLinkingByVerifiedEmail:
    """T23: only with `LINK_VERIFIED_EMAIL`, a verified address, and one match."""

    def test_joins_the_one_user_who_has_the_address(self, dance: Dance) -> None:
        before = local(email=ADDRESS.upper())
        dance.sign_in("gold")
        assert dance.user == before
        assert User.objects.count() == 1

    @pytest.mark.parametrize("slug", ["unverified", "no-email"])
    def test_joins_nobody_by_an_address_that_is_not_verified(self, dance: Dance, slug: str) -> None:
        before = local(email=f"{slug}@example.org")
        also = local("nobody", email="")
        dance.sign_in(slug)
        assert dance.user not in (before, also)

    def test_joins_nobody_when_two_have_the_address(self, dance: Dance) -> None:
        both = [local("one"), local("two")]
        dance.sign_in("gold")
        assert dance.user not in both

    def test_joins_nobody_who_is_inactive(self, dance: Dance) -> None:
        before = local(is_active=False)
        dance.sign_in("gold")
        assert dance.user != before

    @pytest.mark.parametrize("lookalike", ["gοld@example.org", "göld@example.org"])
    def test_joins_nobody_by_an_address_that_looks_alike(
        self, dance: Dance, lookalike: str
    ) -> None:
        before = local(email=lookalike)
        dance.sign_in("gold")
        assert dance.user != before

    def test_joins_nobody_who_has_another_patreon(self, dance: Dance) -> None:
        dance.sign_in("silver")
        before = dance.user
        User.objects.filter(pk=before.pk).update(email=ADDRESS)
        dance.client.logout()
        dance.sign_in("gold")
        assert dance.user != before
        assert PatreonAccount.objects.count() == 2


def test_an_own_pipeline_with_our_step_saves_the_account(dance: Dance, settings) -> None:
    settings.SOCIAL_AUTH_PIPELINE = [
        *DEFAULT_AUTH_PIPELINE,
        "django_patreon.pipeline.save_account",
    ]
    dance.sign_in("gold")
    assert dance.user.patreon_account.access_token


@partial
def ask_something(strategy, backend, request=None, current_partial=None, **kwargs):
    if not strategy.session_get("answered"):
        return strategy.redirect("/login/")
    return None


def test_an_interrupted_pipeline_keeps_no_token_in_clear_and_goes_on(
    dance: Dance, settings
) -> None:
    settings.SOCIAL_AUTH_PIPELINE = [
        *DEFAULT_AUTH_PIPELINE[:4],
        "tests.sign_in.test_pipeline.ask_something",
        *DEFAULT_AUTH_PIPELINE[4:],
        "django_patreon.pipeline.save_account",
    ]
    assert dance.sign_in("gold")["Location"] == "/login/"
    stored = json.dumps(Partial.objects.get().data)
    pair = dance.sandbox.tokens.pairs[-1]
    assert pair.access_token not in stored
    assert pair.refresh_token not in stored

    session = dance.client.session
    session["answered"] = True
    session.save()
    dance.finish("/complete/patreon/")

    assert dance.user.patreon_account.access_token == pair.access_token


@pytest.mark.parametrize("asked", ["EXTRA_DATA", "GET_ALL_EXTRA_DATA"])
def test_social_auth_keeps_no_token_whatever_it_is_asked(
    dance: Dance, settings, asked: str
) -> None:
    names = ["access_token", "refresh_token", "token_type", "id"]
    setattr(settings, f"SOCIAL_AUTH_PATREON_{asked}", names if asked == "EXTRA_DATA" else True)
    dance.sign_in("gold")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM social_auth_usersocialauth")
        rows = repr(cursor.fetchall())
    pair = dance.sandbox.tokens.pairs[-1]
    assert pair.access_token not in rows
    assert pair.refresh_token not in rows
    assert not {"access_token", "refresh_token"} & UserSocialAuth.objects.get().extra_data.keys()


def test_deleting_the_association_deletes_the_account(dance: Dance) -> None:
    dance.sign_in("gold")
    UserSocialAuth.objects.all().delete()
    assert not PatreonAccount.objects.exists()


def test_deleting_the_user_deletes_everything_and_frees_the_identity(dance: Dance) -> None:
    dance.sign_in("gold")
    User.objects.all().delete()
    assert not PatreonAccount.objects.exists()
    assert not UserSocialAuth.objects.exists()
    dance.sign_in("gold")
    assert dance.user.username == "AlmaReyes"


def test_linking_and_unlinking_are_told_after_the_commit(
    dance: Dance, django_capture_on_commit_callbacks
) -> None:
    heard: list[str] = []

    def on_link(sender, account, user, **kwargs):
        heard.append(f"linked {account.patreon_id} {user.username}")

    def on_unlink(sender, patreon_id, user, **kwargs):
        heard.append(f"unlinked {patreon_id} {user.username}")

    account_linked.connect(on_link)
    account_unlinked.connect(on_unlink)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            dance.sign_in("gold")
            key = PatreonAccount.objects.get().patreon_id
            assert heard == []
        with django_capture_on_commit_callbacks(execute=True):
            dance.sign_in("gold")
            UserSocialAuth.objects.get().delete()
    finally:
        account_linked.disconnect(on_link)
        account_unlinked.disconnect(on_unlink)
    assert heard == [f"linked {key} AlmaReyes", f"unlinked {key} AlmaReyes"]


def fail(**kwargs):
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_that_fails_leaves_the_account_with_tokens_that_live(
    dance: Dance, settings
) -> None:
    """T18: the older pair died when this one was given."""
    dance.sandbox.settings.one_pair_per_user = True
    dance.sign_in("gold")
    account = dance.user.patreon_account
    before = account.access_token
    settings.SOCIAL_AUTH_PIPELINE = [
        *DEFAULT_AUTH_PIPELINE,
        "django_patreon.pipeline.save_account",
        "tests.sign_in.test_pipeline.fail",
    ]
    with pytest.raises(ZeroDivisionError):
        dance.sign_in("gold")
    account.refresh_from_db()
    assert account.access_token != before
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"


def test_our_pipeline_is_social_auths_with_our_steps() -> None:
    """A new social-auth may bring a step that belongs into ours, too."""
    ours = [each for each in PIPELINE if not each.startswith("django_patreon.")]
    stock = [each for each in DEFAULT_AUTH_PIPELINE if not each.endswith(".user_details")]
    assert ours == stock
