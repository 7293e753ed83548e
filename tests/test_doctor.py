"""`patreon_doctor`: each fault is made for real and found; a clean site has none."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_patreon import doctor
from django_patreon.doctor import Level, examining, here, patreon
from django_patreon.models import Campaign, PatreonAccount
from django_patreon.sandbox.ids import HOME
from django_patreon.webhooks import hooks

from .dance import PATREON, Dance
from .webhooks.conftest import connected

__all__ = ["connected"]  # a fixture

DOCS = Path(__file__).parent.parent / "docs/doctor.md"


def found(*, online: bool = False) -> dict[str, doctor.Finding]:
    """Return the doctor's own findings by id."""
    return {each.id: each for each in doctor.examine(online=online) if each.id.startswith("D")}


@pytest.fixture
def clean(connected: Dance, settings: Any) -> Campaign:
    """A site on which all is well."""
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.SOCIAL_AUTH_REDIRECT_IS_HTTPS = True
    settings.PATREON = {**getattr(settings, "PATREON", {}), "RATE_LIMIT": "database"}
    # The tests' own gates name campaigns and tiers that this site has never heard of.
    settings.SILENCED_SYSTEM_CHECKS = ["django_patreon.W006", "django_patreon.W009"]
    connected.sandbox.settings.webhook_hold = True
    campaign = Campaign.objects.select_related("creator").get(patreon_id=HOME)
    call_command("patreon_sync", verbosity=0)
    hooks.register(campaign, "https://localhost")
    return campaign


def test_a_clean_site_shows_no_fault(clean: Campaign) -> None:
    faults = [
        each for each in doctor.examine(online=True) if each.level in (Level.WARNING, Level.ERROR)
    ]
    assert not faults
    assert {"D101", "D111", "D121"} <= found(online=True).keys()


def test_the_exact_redirect_uris_are_printed(clean: Campaign, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["example.org", ".example.net", "*"]
    said = found()["D001"].what
    assert "https://example.org/complete/patreon/" in said
    assert "https://example.net/complete/patreon/" in said
    assert "https://example.org/complete/patreon-creator/" in said
    settings.SOCIAL_AUTH_REDIRECT_IS_HTTPS = False
    assert "D002" in found()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert "D002" not in found()


def test_a_wrong_secret(clean: Campaign, settings: Any) -> None:
    settings.SOCIAL_AUTH_PATREON_SECRET = "wrong"
    said = found(online=True)
    assert "SOCIAL_AUTH_PATREON_SECRET" in said["D108"].cure
    assert said["D108"].level is Level.ERROR
    assert not {"D101", "D102", "D104"} & said.keys()


def test_a_wrong_client_id(clean: Campaign, settings: Any) -> None:
    settings.SOCIAL_AUTH_PATREON_KEY = "nobody"
    said = found(online=True)
    assert "SOCIAL_AUTH_PATREON_KEY" in said["D102"].cure
    assert not {"D101", "D104", "D108"} & said.keys()


def test_a_redirect_uri_that_is_not_registered(clean: Campaign, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "example.org"]
    said = found(online=True)
    assert "https://example.org/complete/patreon/" in said["D104"].what
    assert "D101" in said


def test_a_scope_that_patreon_does_not_have(clean: Campaign, settings: Any) -> None:
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["my-campaign"]
    said = found(online=True)
    assert "my-campaign" in said["D106"].what
    assert not {"D102", "D104", "D108"} & said.keys()


def test_a_consent_page_that_lets_no_program_in(
    clean: Campaign, patreon: responses.RequestsMock
) -> None:
    patreon.replace(responses.GET, re.compile(re.escape(PATREON)), status=403, body="a captcha")
    assert "403" in found(online=True)["D107"].what


def test_an_answer_that_nobody_knows_is_said_to_be_one(
    clean: Campaign, dance: Dance, patreon: responses.RequestsMock
) -> None:
    patreon.replace(
        responses.POST, re.compile(re.escape(PATREON)), status=418, json={"error": "teapot"}
    )
    assert "could not be told" in found(online=True)["D103"].what


def test_patreon_that_does_not_answer(clean: Campaign, dance: Dance) -> None:
    dance.order("reset", times=50)
    assert found(online=True)["D100"].level is Level.ERROR


def test_a_wrong_clock(clean: Campaign, patreon: responses.RequestsMock) -> None:
    date = format_datetime(timezone.now() - timedelta(minutes=10))
    anything = re.compile(re.escape(PATREON))
    patreon.replace(responses.GET, anything, status=200, json={}, headers={"Date": date})
    assert "ahead of" in found(online=True)["D105"].what


def test_scopes_that_are_missing(clean: Campaign) -> None:
    PatreonAccount.objects.update(scopes=["campaigns", "campaigns.members"])
    assert "w:campaigns.webhook" in found(online=True)["D110"].what


def test_a_webhook_that_is_paused(clean: Campaign, dance: Dance) -> None:
    [hook] = dance.sandbox.world.hooks.values()
    hook.paused, hook.num_consecutive_times_failed = True, 3
    assert "is paused" in found(online=True)["D120"].what


def test_a_creator_who_must_reconnect(clean: Campaign) -> None:
    PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
    assert found()["D022"].level is Level.ERROR


def test_tokens_that_no_key_opens(clean: Campaign, settings: Any) -> None:
    settings.PATREON = {**getattr(settings, "PATREON", {}), "TOKEN_KEYS": ["another key of theirs"]}
    assert "1 accounts" in found()["D020"].what


def test_tokens_that_were_not_renewed(clean: Campaign) -> None:
    PatreonAccount.objects.update(token_expires_at=timezone.now() - timedelta(days=1))
    assert "D021" in found()


def test_syncs_that_are_missing_or_old(clean: Campaign) -> None:
    Campaign.objects.update(synced_at=None)
    assert "D030" in found()
    Campaign.objects.update(synced_at=timezone.now() - timedelta(days=4))
    assert "4 days ago" in found()["D031"].what


def test_limits_that_nobody_keeps(clean: Campaign, settings: Any) -> None:
    settings.PATREON = {"RATE_LIMIT": None}
    assert "D040" in found()
    settings.PATREON = {"RATE_LIMIT": "process"}
    assert "W021" in {each.id for each in doctor.examine()}


def test_a_system_check_is_a_finding(clean: Campaign, settings: Any) -> None:
    settings.PATREON = {"TEIRS": {}}
    [finding] = [each for each in doctor.examine() if each.id == "E001"]
    assert finding.level is Level.ERROR
    settings.SILENCED_SYSTEM_CHECKS = ["django_patreon.E001"]
    assert not [each for each in doctor.examine() if each.id == "E001"]


def test_settings_that_cannot_be_read_end_no_examination(clean: Campaign, settings: Any) -> None:
    settings.PATREON = {"TIMEOUT": "soon"}
    ids = [each.id for each in doctor.examine(online=True)]
    assert "E002" in ids
    assert "D101" not in ids


def test_the_exit_code_and_the_words(clean: Campaign, settings: Any) -> None:
    def run(*args: str) -> tuple[int, str]:
        out = io.StringIO()
        try:
            call_command("patreon_doctor", *args, stdout=out, no_color=True)
        except CommandError as error:
            return error.returncode, out.getvalue()
        return 0, out.getvalue()

    assert run("--online")[0] == 0
    Campaign.objects.update(synced_at=None)
    code, said = run()
    assert code == 1
    assert "Do: Run manage.py patreon_sync" in said
    settings.SOCIAL_AUTH_PATREON_SECRET = "hush-hush-hush"
    code, said = run("--online", "--json")
    assert code == 2
    assert "hush" not in said
    assert {each["id"] for each in json.loads(said)} >= {"D001", "D030", "D108"}


def test_the_table_of_the_docs_has_every_id() -> None:
    code = "".join(Path(each.__file__).read_text() for each in (here, patreon, examining))
    assert set(re.findall(r'id="(D\d+)"', code)) == set(re.findall(r"\| (D\d+) ", DOCS.read_text()))
