"""What a creator's client reads, from the sandbox."""

from __future__ import annotations

import pytest
import responses

from django_patreon import api
from django_patreon.exceptions import MalformedAnswer, Refused, Unauthorized
from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.faults import Fault
from django_patreon.sandbox.grants import SCOPES
from django_patreon.sandbox.paging import LAST_PAGES
from django_patreon.secret import Secret

HOME = "4410027"


@pytest.fixture
def client(sandbox: Sandbox, patreon: responses.RequestsMock) -> api.PatreonClient:
    person = sandbox.world.person_called("creator")
    return api.PatreonClient(
        Secret(sandbox.grants.issue_pair(person.id, frozenset(SCOPES)).access_token)
    )


def test_a_creator_has_a_campaign_with_tiers(client: api.PatreonClient) -> None:
    page = client.campaigns()
    (campaign,) = page.items
    assert (campaign.id, campaign.vanity, campaign.is_monthly) == (HOME, "lanternhouse", True)
    assert [page.tiers[key].amount_cents for key in campaign.tier_ids or ()] == [0, 300, 500, 1000]


@pytest.mark.parametrize("shape", LAST_PAGES)
@pytest.mark.parametrize("size", [3, 1000])
def test_all_members_are_walked_whatever_the_shape_of_the_last_page(
    client: api.PatreonClient, sandbox: Sandbox, shape: str, size: int
) -> None:
    sandbox.switches.last_page = shape
    walk = client.members(HOME, page_size=size)
    members = {each.user_id: each for each in walk}
    assert walk.complete
    assert len(members) == walk.total == len(sandbox.world.members_of(HOME))
    gold = members[sandbox.world.person_called("gold").id]
    assert (gold.full_name, gold.email) == ("Alma Reyes", "gold@example.org")
    assert gold.tier_ids == ("9100003", "9100000")
    assert gold.last_charge_date.tzinfo is not None
    assert "gold@example.org" not in repr(gold)


def test_a_walk_that_breaks_off_is_not_complete(
    client: api.PatreonClient, sandbox: Sandbox
) -> None:
    """T14."""
    walk = client.members(HOME, page_size=3)
    pages = walk.pages()
    next(pages)
    sandbox.faults.arm(Fault.read({"kind": "http_404"}))
    with pytest.raises(Refused):
        next(pages)
    assert not walk.complete


def test_one_member(client: api.PatreonClient, sandbox: Sandbox) -> None:
    known = sandbox.world.members_of(HOME)[0]
    found = client.member(known.id)
    assert (found.id, found.user_id, found.campaign_id) == (known.id, known.user_id, HOME)


def test_an_id_cannot_lead_elsewhere(client: api.PatreonClient, patreon) -> None:
    with pytest.raises(Refused):
        client.member("../identity?x=")
    assert "/members/..%2Fidentity%3Fx%3D?" in patreon.calls[-1].request.url


def test_others_campaigns_and_missing_scopes_are_refused(
    client: api.PatreonClient, sandbox: Sandbox
) -> None:
    with pytest.raises(Refused):
        list(client.members("5120934"))
    person = sandbox.world.person_called("gold")
    pair = sandbox.grants.issue_pair(person.id, frozenset({"identity"}))
    with pytest.raises(Unauthorized):
        api.PatreonClient(Secret(pair.access_token)).campaigns()


@pytest.mark.parametrize("body", ['{"data": {}}', '{"data": null}', '{"meta": {}}'])
def test_nonsense_is_named(client: api.PatreonClient, sandbox: Sandbox, body: str) -> None:
    sandbox.faults.arm(Fault.read({"kind": "custom", "body": body}))
    with pytest.raises(MalformedAnswer, match="makes no sense"):
        list(client.members(HOME))


def test_a_broken_member_is_skipped_and_the_walk_says_so(
    client: api.PatreonClient, sandbox: Sandbox
) -> None:
    body = '{"data": [{"type": "member", "id": "1"}, {"type": "member"}, null, {"id": "2"}]}'
    sandbox.faults.arm(Fault.read({"kind": "custom", "body": body}))
    walk = client.members(HOME)
    assert [each.id for each in walk] == ["1"]
    assert (walk.skipped, walk.complete) == (3, False)
