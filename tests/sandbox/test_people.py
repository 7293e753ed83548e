"""The people of the start, on whose slugs scripts depend."""

from __future__ import annotations

from typing import Any

import pytest

from django_patreon.sandbox import Sandbox

from .client import get, tokens_for

HOME, FOREIGN = "4410027", "5120934"
FREE, BRONZE, SILVER, GOLD = "9100000", "9100001", "9100002", "9100003"
FIELDS = (
    "include=memberships.currently_entitled_tiers,memberships.campaign&fields[user]=email,is_email_verified"
    "&fields[member]=patron_status,last_charge_status,currently_entitled_amount_cents,pledge_cadence,"
    "is_gifted,is_free_trial,next_charge_date,last_charge_date,will_pay_amount_cents"
    "&fields[tier]=amount_cents,title&fields[campaign]=currency,is_monthly"
)


def membership(slug: str, campaign: str = HOME) -> dict[str, Any]:
    sandbox = Sandbox()
    access = tokens_for(sandbox, slug, scope="identity identity[email] identity.memberships")
    body = get(sandbox, access["access_token"], query=FIELDS).json()
    for each in body.get("included", ()):
        if each["type"] != "member":
            continue
        if each["relationships"]["campaign"]["data"]["id"] == campaign:
            tiers = each["relationships"]["currently_entitled_tiers"]["data"]
            return {**each["attributes"], "tiers": [tier["id"] for tier in tiers]}
    return {}


@pytest.mark.parametrize(
    ("slug", "status", "charge", "cents", "cadence", "tiers"),
    [
        ("bronze", "active_patron", "Paid", 300, 1, [BRONZE, FREE]),
        ("silver", "active_patron", "Paid", 500, 1, [SILVER, FREE]),
        ("gold", "active_patron", "Paid", 1000, 1, [GOLD, FREE]),
        ("gold-annual", "active_patron", "Paid", 12000, 12, [GOLD, FREE]),
        ("gifted", "active_patron", None, 0, None, [SILVER, FREE]),
        ("trial", "active_patron", None, 500, None, [SILVER, FREE]),
        ("free", None, None, 0, None, [FREE]),
        ("pending", "active_patron", "Pending", 300, 1, [BRONZE, FREE]),
        ("declined", "declined_patron", "Declined", 500, 1, [SILVER, FREE]),
        ("declined-out", "declined_patron", "Declined", 0, 1, []),
        ("cancelled", "former_patron", "Paid", 500, 1, [SILVER, FREE]),
        ("former", "former_patron", "Paid", 0, 1, [FREE]),
        ("foreign-first", "active_patron", "Paid", 300, 1, [BRONZE, FREE]),
        ("two-tiers", "active_patron", "Paid", 1300, 1, [BRONZE, FREE, GOLD]),
        ("custom", "active_patron", "Paid", 700, 1, []),
        ("blank", "active_patron", "Paid", 0, 1, []),
        ("refunded", "former_patron", "Refunded", 0, 1, []),
        ("unverified", "active_patron", "Paid", 300, 1, [BRONZE, FREE]),
        ("no-email", "active_patron", "Paid", 300, 1, [BRONZE, FREE]),
        ("emoji", "active_patron", "Paid", 300, 1, [BRONZE, FREE]),
    ],
)
def test_everybody_is_what_they_are_called(
    slug: str,
    status: str | None,
    charge: str | None,
    cents: int,
    cadence: int | None,
    tiers: list[str],
) -> None:
    found = membership(slug)
    assert found["patron_status"] == status
    assert found["last_charge_status"] == charge
    assert found["currently_entitled_amount_cents"] == cents
    assert found["pledge_cadence"] == cadence
    assert found["tiers"] == tiers
    assert found["is_gifted"] is (slug == "gifted")
    assert found["is_free_trial"] is (slug == "trial")
    running = slug not in ("gifted", "trial", "free", "former", "refunded")
    assert (found["next_charge_date"] is not None) is running


@pytest.mark.parametrize("slug", ["stranger", "creator", "foreign-only"])
def test_some_have_no_membership_here(slug: str) -> None:
    assert membership(slug) == {}


def test_some_are_patrons_of_somebody_else() -> None:
    for slug in ("foreign-only", "foreign-first"):
        assert membership(slug, FOREIGN)["patron_status"] == "active_patron"


def test_the_campaigns_are_as_promised(sandbox: Sandbox) -> None:
    home = sandbox.world.campaigns[HOME]
    assert home.currency == "EUR"
    assert [(each.id, each.title, each.amount_cents) for each in home.tiers] == [
        (FREE, "Free", 0),
        (BRONZE, "Bronze", 300),
        (SILVER, "Silver", 500),
        (GOLD, "Gold", 1000),
    ]
    assert sandbox.world.owner_campaign_id == HOME
    assert FOREIGN in sandbox.world.campaigns
