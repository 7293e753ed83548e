"""A site without time zones in its columns, whose visitors have activated zones of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from django_patreon.access import check
from django_patreon.models import Grant
from django_patreon.moments import now, to_aware, to_stored

from .dance import Dance


@pytest.fixture(params=["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def far_away(request, settings):
    settings.USE_TZ = False
    with timezone.override(request.param):
        yield


@pytest.mark.usefixtures("far_away")
def test_a_time_without_a_zone_is_one_of_the_sites(settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    noon = datetime(2026, 7, 1, 12)
    assert to_aware(noon) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert to_stored(datetime(2026, 7, 1, 10, tzinfo=UTC)) == noon
    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.usefixtures("far_away")
def test_a_ban_of_an_hour_lasts_an_hour(dance: Dance, settings, time_machine_at) -> None:
    settings.TIME_ZONE = "UTC"  # as the clock of the machine says when a test moves it
    dance.sign_in("gold")
    user = dance.user
    Grant.objects.deny(user, until=timezone.now() + timedelta(hours=1))
    assert not check(user).allowed
    time_machine_at(minutes=59)
    assert not check(user).allowed
    time_machine_at(minutes=62)
    assert check(user).allowed
