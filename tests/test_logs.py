"""Log lines: fields for structured logs, and nobody's name or address above DEBUG."""

from __future__ import annotations

import logging

import pytest
from django.core.management import call_command

from django_patreon import tokens
from django_patreon.exceptions import PatreonError
from django_patreon.models import Campaign, Membership, PatreonAccount
from django_patreon.sandbox.ids import HOME
from django_patreon.sync import sync_campaign

from .dance import Dance
from .webhooks.conftest import connected

__all__ = ["connected"]  # a fixture


def test_requests_and_renewals_have_fields(
    connected: Dance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="django_patreon")
    account = PatreonAccount.objects.get()
    tokens.client_for(account).campaigns()
    [line] = [each for each in caplog.records if each.msg.startswith("Patreon answered")]
    assert line.__dict__["status"] == 200
    assert line.__dict__["duration_ms"] >= 0
    connected.sandbox.tokens.kill()
    with pytest.raises(PatreonError):
        tokens.refresh(account)
    [line] = [each for each in caplog.records if "must reconnect" in each.msg]
    assert line.__dict__["patreon_id"] == account.patreon_id
    assert line.__dict__["code"] == "invalid_grant"


def test_no_line_above_debug_names_a_member(
    connected: Dance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_patreon")
    call_command("patreon_sync", verbosity=0)
    connected.sandbox.tokens.kill()
    assert not sync_campaign(Campaign.objects.get(patreon_id=HOME)).complete
    with pytest.raises(PatreonError):
        tokens.refresh(PatreonAccount.objects.get())
    rows = Membership.objects.values_list("full_name", "email")
    personal = {each for row in rows for each in row if each}
    assert len(personal) > 10
    assert caplog.records
    assert not [each for each in personal if each in caplog.text]
