"""EncryptedTextField: nothing in clear outside this process, and nothing lost with a key."""

from __future__ import annotations

import copy
import io
import json
import pickle
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.views.debug import ExceptionReporter
from rest_framework.serializers import ModelSerializer

from django_patreon.fields import Sealed
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

pytestmark = pytest.mark.django_db
TOKEN = "nees-eb-ton-tsum-taht-nekot-a"[::-1]  # reversed: debug pages quote source
OLD, NEW = "old-key-" + "o" * 40, "new-key-" + "n" * 40


@pytest.fixture
def account() -> PatreonAccount:
    user = get_user_model().objects.create_user("alma")
    return PatreonAccount.objects.create(user=user, patreon_id="1", access_token=TOKEN)


def reread(account: PatreonAccount) -> PatreonAccount:
    return PatreonAccount.objects.get(pk=account.pk)


def column(account: PatreonAccount) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT access_token FROM django_patreon_patreonaccount WHERE id = %s", [account.pk]
        )
        return str(cursor.fetchone()[0])


def test_what_is_written_reads_back_and_is_not_in_the_database(account: PatreonAccount) -> None:
    assert reread(account).access_token == TOKEN
    assert TOKEN not in column(account)
    assert reread(account).refresh_token == ""


def test_equal_texts_differ_in_the_database(account: PatreonAccount) -> None:
    first = column(account)
    account.access_token = TOKEN
    account.save()
    assert column(account) != first


def test_saving_what_was_loaded_writes_the_same_ciphertext(account: PatreonAccount) -> None:
    before = column(account)
    loaded = reread(account)
    assert loaded.access_token == TOKEN
    loaded.save()
    assert column(account) == before


def test_a_deferred_token_is_fetched_when_asked_for(account: PatreonAccount) -> None:
    deferred = PatreonAccount.objects.defer("access_token").get()
    assert deferred.access_token == TOKEN
    deferred.refresh_from_db()
    assert deferred.access_token == TOKEN


def test_a_changed_ciphertext_does_not_decrypt(account: PatreonAccount) -> None:
    text = column(account)
    PatreonAccount.objects.update(access_token=Sealed(text[:-4] + "AAA="))
    assert reread(account).access_token == ""
    assert reread(account).access_token.lost


def test_any_key_of_the_ring_reads_and_the_first_writes(account, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": [OLD]}
    account.access_token = TOKEN
    account.save()
    settings.PATREON = {"TOKEN_KEYS": [NEW, OLD]}
    loaded = reread(account)
    assert loaded.access_token == TOKEN
    PatreonAccount.objects.update(access_token=Sealed(column(account)).rotate())
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    assert reread(account).access_token == TOKEN


def test_without_token_keys_the_secret_key_and_its_fallbacks_serve(account, settings) -> None:
    old = settings.SECRET_KEY
    settings.SECRET_KEY = NEW
    assert reread(account).access_token.lost
    settings.SECRET_KEY_FALLBACKS = [old]
    assert reread(account).access_token == TOKEN


def test_the_key_is_derived_and_not_the_secret_key_itself(account, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": [settings.SECRET_KEY]}
    assert reread(account).access_token == TOKEN  # the same derivation, whatever the source


def test_a_lost_key_loses_nothing(account: PatreonAccount, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    loaded = reread(account)
    assert loaded.access_token == ""
    assert loaded.needs_reconnect
    loaded.access_token = loaded.access_token
    loaded.save()
    loaded.refresh_from_db(fields=["access_token"])
    loaded.save()
    settings.PATREON = {}
    assert reread(account).access_token == TOKEN
    assert not reread(account).needs_reconnect


def test_dumpdata_is_encrypted_and_loads_again(account: PatreonAccount) -> None:
    out = io.StringIO()
    call_command("dumpdata", "django_patreon", stdout=out)
    assert TOKEN not in out.getvalue()
    PatreonAccount.objects.all().delete()
    for each in serializers.deserialize("json", out.getvalue()):
        each.save()
    assert PatreonAccount.objects.get().access_token == TOKEN


def test_a_token_keeps_out_of_repr_pickle_copies_and_values(account: PatreonAccount) -> None:
    loaded = reread(account)
    assert loaded.access_token == TOKEN
    shown = [
        repr(loaded),
        repr(loaded.__dict__),
        repr(loaded.access_token),
        repr(list(PatreonAccount.objects.values())),
        repr(list(PatreonAccount.objects.values_list("access_token", flat=True))),
        str(PatreonAccount.objects.all().query),
        pickle.dumps(loaded).decode("latin-1"),
        repr(copy.deepcopy(loaded).__dict__),
        json.dumps(Secret(TOKEN).__repr__()),
    ]
    assert not [each for each in shown if TOKEN in each]
    assert pickle.loads(pickle.dumps(loaded)).access_token == TOKEN  # noqa: S301


def test_a_token_keeps_out_of_djangos_debug_page(account: PatreonAccount, rf, settings) -> None:
    settings.DEBUG = True
    loaded = reread(account)
    token = loaded.access_token
    assert token == TOKEN
    try:
        raise RuntimeError
    except RuntimeError as error:
        reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
        page = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "Secret(" in page
    assert TOKEN not in page


def test_an_encrypted_column_cannot_be_searched(account: PatreonAccount) -> None:
    with pytest.raises(FieldError):
        PatreonAccount.objects.filter(access_token__contains="a").exists()
    for wanted in (TOKEN, Secret(TOKEN), F("refresh_token")):
        with pytest.raises(FieldError, match="is encrypted"):
            PatreonAccount.objects.filter(access_token=wanted).exists()
    assert PatreonAccount.objects.filter(refresh_token="").exists()
    assert PatreonAccount.objects.exclude(access_token="").exists()


def test_no_form_shows_the_field() -> None:
    for name in ("access_token", "refresh_token"):
        assert not PatreonAccount._meta.get_field(name).editable


@pytest.mark.django_db
def test_a_serializer_of_every_field_shows_no_token(django_user_model: Any) -> None:
    """An API that was written in a minute, as they are."""

    class Everything(ModelSerializer):
        class Meta:
            model = PatreonAccount
            fields = "__all__"

    account = PatreonAccount.objects.create(
        user=django_user_model.objects.create_user("a"), patreon_id="1", access_token="in clear"
    )
    shown = json.dumps(Everything(PatreonAccount.objects.get(pk=account.pk)).data, default=str)
    assert '"patreon_id": "1"' in shown
    assert "in clear" not in shown
