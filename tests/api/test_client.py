"""What a creator's client reads, from the sandbox."""

from __future__ import annotations

import dataclasses

import pytest
import responses

from django_patreon import api
from django_patreon.exceptions import MalformedAnswer, Refused, Unauthorized, Unavailable
from django_patreon.resources.reading import KINDS
from django_patreon.sandbox import SCOPES, Fault, Sandbox
from django_patreon.sandbox.resources.kinds import KINDS as SERVED
from django_patreon.sandbox.settings import LAST_PAGES
from django_patreon.secret import Secret

HOME = "4410027"


@pytest.fixture
def client(sandbox: Sandbox, patreon: responses.RequestsMock) -> api.PatreonClient:
    person = sandbox.world.person_called("creator")
    return api.PatreonClient(
        Secret(sandbox.tokens.issue_pair(person.id, frozenset(SCOPES)).access_token)
    )


def test_a_creator_has_a_campaign_with_tiers(client: api.PatreonClient) -> None:
    (campaign,) = client.campaigns()
    assert (campaign.id, campaign.vanity, campaign.is_monthly) == (HOME, "lanternhouse", True)
    assert [each.amount_cents for each in campaign.tiers] == [0, 300, 500, 1000]


@pytest.mark.parametrize("shape", LAST_PAGES)
@pytest.mark.parametrize("size", [3, 1000])
def test_all_members_are_walked_whatever_the_shape_of_the_last_page(
    client: api.PatreonClient, sandbox: Sandbox, shape: str, size: int
) -> None:
    sandbox.settings.last_page = shape
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
    assert found.campaign is not None
    assert found.user is not None
    person = sandbox.world.person(known.user_id)
    assert person is not None
    assert (found.campaign.id, found.user.full_name) == (HOME, person.full_name)
    assert [each.id for each in found.tiers] == list(found.tier_ids or ())
    assert found.address is None  # it was not asked for


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
    pair = sandbox.tokens.issue_pair(person.id, frozenset({"identity"}))
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


def test_a_campaign_by_id_with_more_than_we_use(client: api.PatreonClient) -> None:
    campaign = client.campaign(
        HOME,
        include=["benefits", "creator", "goals"],
        more={"campaign": ["patron_count"], "tier": ["patron_count"], "benefit": ["title"]},
    )
    assert campaign.patron_count
    assert len(campaign.tiers) == 4
    assert all(each.patron_count is not None for each in campaign.tiers)
    assert {each.id for each in campaign.benefits} == set(campaign.benefit_ids or ())
    assert all(each.title for each in campaign.benefits)
    assert campaign.goals == ()
    assert campaign.included["user"][campaign.creator_id or ""]


def test_history_and_addresses_come_along(client: api.PatreonClient, sandbox: Sandbox) -> None:
    walk = client.members(HOME, history=True, addresses=True)
    (page,) = walk.pages()
    gold = next(each for each in page.items if each.full_name == "Alma Reyes")
    assert gold.address is not None
    assert gold.address.city == "Antwerp"
    assert "Antwerp" not in repr(page)
    assert [each.type for each in gold.pledge_history] == ["pledge_start", "subscription"]
    assert gold.pledge_history[0].tier_id == "9100003"


def test_posts_are_walked_and_read(client: api.PatreonClient, sandbox: Sandbox) -> None:
    walk = client.posts(HOME)
    posts = list(walk)
    assert walk.complete
    assert len(posts) == 24
    assert {each.content for each in posts} == {None}
    gated = next(each for each in posts if each.tier_ids)
    assert gated.tier_ids == ("9100002", "9100003")
    assert client.post(gated.id).content == sandbox.world.posts[gated.id].content


def test_webhooks_are_made_changed_unpaused_and_deleted(
    client: api.PatreonClient, sandbox: Sandbox
) -> None:
    made = client.create_webhook(HOME, uri="https://example.org/hook", triggers=["members:update"])
    assert made.secret == sandbox.world.hooks[made.id].secret
    assert str(made.secret) not in repr(made)
    changed = client.update_webhook(made.id, triggers=["posts:publish"], paused=True)
    assert (changed.triggers, changed.paused, changed.uri) == (
        ("posts:publish",),
        True,
        "https://example.org/hook",
    )
    assert client.unpause_webhook(made.id).paused is False
    (listed,) = client.webhooks()
    assert listed.campaign is not None
    assert (listed.id, listed.campaign.id, listed.client) == (made.id, HOME, None)
    client.delete_webhook(made.id)
    client.delete_webhook(made.id)  # what is gone is gone
    assert len(client.webhooks()) == 0


def test_a_write_is_not_tried_again(sandbox: Sandbox, patreon: responses.RequestsMock) -> None:
    person = sandbox.world.person_called("creator")
    pair = sandbox.tokens.issue_pair(person.id, frozenset(SCOPES))
    patient = api.PatreonClient(Secret(pair.access_token), patience=api.Patience(seconds=30))
    sandbox.faults.arm(Fault.read({"kind": "reset"}))
    with pytest.raises(Unavailable):
        patient.create_webhook(HOME, uri="https://example.org/", triggers=["members:update"])
    assert len(patreon.calls) == 1
    assert len(patient.webhooks()) == 1  # it had been made


def test_a_webhook_that_is_refused_says_so(client: api.PatreonClient) -> None:
    with pytest.raises(Refused):
        client.create_webhook(HOME, uri="http://example.org/", triggers=["members:update"])
    with pytest.raises(Refused):
        client.update_webhook("1", paused=True)


def test_every_documented_attribute_has_a_field() -> None:
    assert not SERVED.keys() - KINDS.keys()
    for name, kind in SERVED.items():
        fields = {each.name for each in dataclasses.fields(KINDS[name])}
        elsewhere = {"tiers"} if name == "post" else set()  # ids, with the other ids
        assert set(kind.attributes) - elsewhere <= fields, name


def test_a_hiccup_is_got_over_unasked(
    sandbox: Sandbox, patreon: responses.RequestsMock, client: api.PatreonClient
) -> None:
    for kind in ("http_503_html", "reset", "http_429_empty"):
        sandbox.faults.arm(Fault.read({"kind": kind}))
        assert client.identity().user.full_name
    assert len(patreon.calls) == 6
