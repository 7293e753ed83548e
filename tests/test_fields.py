"""EncryptedTextField: nothing in clear outside this process, and nothing lost with a key."""

from __future__ import annotations

import copy
import csv
import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import F
from django.forms.models import model_to_dict, modelform_factory
from django.template import Context, Template
from django.views.debug import ExceptionReporter
from rest_framework.serializers import ModelSerializer

from django_patreon import tokens
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
    changed = reread(account).access_token
    assert changed.open() == ""
    assert changed
    assert not changed.readable


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
    assert not reread(account).access_token.readable
    settings.SECRET_KEY_FALLBACKS = [old]
    assert reread(account).access_token == TOKEN


def test_the_key_is_derived_and_not_the_secret_key_itself(account, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": [settings.SECRET_KEY]}
    assert reread(account).access_token == TOKEN  # the same derivation, whatever the source


def test_a_lost_key_loses_nothing(account: PatreonAccount, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    loaded = reread(account)
    assert loaded.access_token not in ("", TOKEN)
    assert loaded.access_token.open() == ""
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


def as_csv(values: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


class Everything(ModelSerializer):
    """An API that was written in a minute, as they are."""

    class Meta:
        model = PatreonAccount
        fields = "__all__"


READERS: dict[str, Callable[[PatreonAccount], Any]] = {
    "repr": lambda account: f"{account!r} {account.__dict__!r} {account.access_token!r}",
    "getattr": lambda account: [getattr(account, each.name) for each in account._meta.fields],
    "value_from_object": lambda account: [
        each.value_from_object(account) for each in account._meta.fields
    ],
    "str": lambda account: str(account.access_token),
    "bytes": lambda account: account.access_token.encode(),
    "format": lambda account: f"Bearer {account.access_token:>50}",
    "percent": lambda account: "%s %r" % (account.access_token, account.access_token),  # noqa: UP031
    "plus": lambda account: "Bearer " + account.access_token,
    "join": lambda account: " ".join([account.access_token, *account.access_token]),
    "json": lambda account: json.dumps([account.access_token]),
    "json of any kind": lambda account: json.dumps(vars(account), default=str),
    "django's json": lambda account: DjangoJSONEncoder().encode({"token": account.access_token}),
    "csv": lambda account: as_csv([getattr(account, each.name) for each in account._meta.fields]),
    "model_to_dict": lambda account: model_to_dict(account),
    "a form of every field": lambda account: modelform_factory(PatreonAccount, fields="__all__")(
        instance=account
    ).as_p(),
    "a template": lambda account: Template("{{ a.access_token }} {{ a.refresh_token }}").render(
        Context({"a": account})
    ),
    "values": lambda account: str(list(PatreonAccount.objects.values())),
    "values_list": lambda account: [
        str(each) for each in PatreonAccount.objects.values_list("access_token", flat=True)
    ],
    "serializers": lambda account: "".join(
        serializers.serialize(form, [account]) for form in ("json", "jsonl", "xml")
    ),
    "rest_framework": lambda account: json.dumps(Everything(account).data, default=str),
    "pickle": lambda account: pickle.dumps(account),
    "copy": lambda account: [
        str(copy.copy(account).access_token),
        str(copy.deepcopy(account).access_token),
        str(copy.deepcopy(account.access_token)),
    ],
    "a query": lambda account: (
        PatreonAccount.objects.filter(access_token=account.access_token).query
    ),
    "export": lambda account: account.export(),
}


@pytest.mark.parametrize("reader", READERS)
def test_whatever_reads_a_model_gets_no_token(account: PatreonAccount, reader: str) -> None:
    loaded = reread(account)
    for each in (account, loaded):
        assert each.access_token.open() == TOKEN  # and it has been opened
        shown = READERS[reader](each)
        text = shown.decode("latin-1") if isinstance(shown, bytes) else f"{shown} {shown!r}"
        assert len(text) > 10
        assert TOKEN not in text


def test_only_tokens_gives_the_text(account: PatreonAccount) -> None:
    assert tokens.access_token(reread(account)) == TOKEN
    assert f"Bearer {tokens.access_token(reread(account))}" == f"Bearer {TOKEN}"
    copies = pickle.loads(pickle.dumps(reread(account))), copy.deepcopy(reread(account))  # noqa: S301
    assert [tokens.access_token(each) for each in copies] == [TOKEN, TOKEN]


def test_a_sealed_text_is_compared_by_what_it_holds(account: PatreonAccount) -> None:
    one, other = Sealed.of(TOKEN), Sealed.of(TOKEN)
    assert one == other == TOKEN == one
    assert (one != TOKEN) is (one != other) is False
    assert one != Sealed.of("another") != TOKEN
    assert one == Secret(TOKEN) == one
    assert (Secret(TOKEN) != one) is False
    assert str(one) != str(other) != TOKEN
    assert {one, other} == {TOKEN}
    assert Sealed("") == ""
    assert not Sealed("")
    assert one != Sealed("") != one
    assert one != ""


def test_what_no_key_opens_equals_nothing_but_itself(settings) -> None:
    lost, other = Sealed.of(TOKEN), Sealed.of(TOKEN)
    settings.PATREON = {"TOKEN_KEYS": [NEW]}
    assert lost == Sealed(lost.ciphertext)
    assert lost not in ("", TOKEN, Sealed(""), other)
    assert len({lost, other, Sealed(lost.ciphertext)}) == 2


def test_a_mask_is_not_taken_for_a_token(account: PatreonAccount) -> None:
    """As by a tool that restores what it has read with `str()`."""
    with pytest.raises(ValueError, match="is the mask of a stored secret"):
        account.access_token = str(account.access_token)
    with pytest.raises(ValueError, match="is the mask of a stored secret"):
        PatreonAccount(access_token=str(account.access_token))
    field = PatreonAccount._meta.get_field("access_token")
    account.access_token = field.value_to_string(account)
    account.save()
    assert tokens.access_token(reread(account)) == TOKEN


def test_a_token_keeps_out_of_djangos_debug_page(account: PatreonAccount, rf, settings) -> None:
    settings.DEBUG = True
    loaded = reread(account)
    token = tokens.access_token(loaded)
    sealed = loaded.access_token
    assert token == sealed == TOKEN
    try:
        raise RuntimeError
    except RuntimeError as error:
        reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
        page = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "Secret(" in page
    assert "Sealed(" in page
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
