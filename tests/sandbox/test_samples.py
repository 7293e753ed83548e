"""The sandbox answers in the shape of every published sample of Patreon's answers.

The samples have invented values in observed or documented shapes; `DIFFERENT` lists what may
differ, and why.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.webhooks.queue import TRIGGERS

from .client import act, code_for, control, exchange, get, send, tokens_for, webhook_body
from .conftest import Receiver

SAMPLES = Path(__file__).parent.parent / "samples"
HOME = "4410027"
EVERYTHING = "identity identity[email] identity.memberships"

DIFFERENT = {
    # path in the document: why the sandbox has another type there
    "*/attributes/description": "tiers here have no description",
    "*/attributes/summary": "null or HTML (documented as nullable)",
    "*/attributes/vanity": "null or text (documented as nullable)",
    "*/attributes/social_connections/discord": "null or an object (documented)",
    "*/attributes/discord_role_ids": "null or a list (documented)",
    "*/attributes/image_url": "null or an address for tiers (documented as nullable)",
    "*/attributes/post_count": "null or a number (documented as nullable)",
    "*/attributes/remaining": "null or a number (documented as nullable)",
    "*/attributes/user_limit": "null or a number (documented as nullable)",
    "*/attributes/edited_at": "null or a time",
    "*/attributes/unpublished_at": "null or a time (documented as nullable)",
    "*/attributes/next_deliverable_due_date": "null or a time (documented as nullable)",
    "*/attributes/app_external_id": "null or text (documented as nullable)",
    "*/attributes/app_meta": "null or an object (documented as nullable)",
    "*/attributes/last_attempted_at": "null or a time",
    "*/relationships/currently_entitled_tiers/data/tier": "a list may be empty",
    "*/attributes/rule_type": "null or text (documented as nullable)",
    "*/attributes/benefit_type": "null or text (documented as nullable)",
}


def shape(value: Any, path: str = "") -> dict[str, set[str]]:
    """Every path of a document, with the JSON types found there; list items share a path."""
    found: dict[str, set[str]] = {path: {type(value).__name__}}
    if isinstance(value, dict):
        for key, item in value.items():
            _merge(found, shape(item, f"{path}/{key}"))
    elif isinstance(value, list):
        for item in value:
            kind = item.get("type", "") if isinstance(item, dict) else ""
            _merge(found, shape(item, f"{path}/{kind}"))
    return found


def _merge(into: dict[str, set[str]], more: dict[str, set[str]]) -> None:
    for key, types in more.items():
        into.setdefault(key, set()).update(types)


def may_differ(path: str) -> bool:
    return any(each[0] == "*" and path.endswith(each[1:]) for each in DIFFERENT)


def assert_same_shape(ours: Any, sample: Any) -> None:
    mine, theirs = shape(ours), shape(sample)
    optional = {path for path in {*mine, *theirs} if may_differ(path)}

    def below(path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in optional)

    missing = {path for path in theirs.keys() - mine.keys() if not below(path)}
    extra = {path for path in mine.keys() - theirs.keys() if not below(path)}
    # What is null in one and typed in the other is a nullable attribute.
    other = {
        path: (mine[path], theirs[path])
        for path in mine.keys() & theirs.keys()
        if not below(path)
        and mine[path] - {"NoneType"} != theirs[path] - {"NoneType"}
        and mine[path] - {"NoneType"}
        and theirs[path] - {"NoneType"}
    }
    assert (missing, extra, other) == (set(), set(), {})


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def asked_like(document: Any) -> str:
    """The query whose answer would show what the sample shows."""
    fields: dict[str, set[str]] = {}
    data = document["data"] if isinstance(document["data"], list) else [document["data"]]
    for each in [*data, *document.get("included", ())]:
        fields.setdefault(each["type"], set()).update(each["attributes"])
    query = "&".join(f"fields[{kind}]={','.join(names)}" for kind, names in fields.items() if names)
    relations = {name for each in data for name in each.get("relationships", {})}
    nested = {
        f"memberships.{name}"
        for each in document.get("included", ())
        if each["type"] == "member"
        for name in each.get("relationships", {})
    }
    return f"{query}&include={','.join(sorted(relations | nested))}"


def member_of(sandbox: Sandbox, slug: str) -> str:
    person = sandbox.world.person_called(slug)
    assert person is not None
    return sandbox.world.memberships_of(person.id)[0].id


@dataclass
class Site:
    """A sandbox, the creator's token, and a site with a webhook for all events."""

    sandbox: Sandbox
    creator: str
    receiver: Receiver

    def identity(self, slug: str, scope: str, query: str) -> Any:
        access = tokens_for(self.sandbox, slug, scope=scope)["access_token"]
        return get(self.sandbox, access, query=query).json()

    def read(self, path: str, query: str = "") -> Any:
        """What the creator reads."""
        return get(self.sandbox, self.creator, path, query).json()

    def sent_after(self, event: str, user: str, action: str, **more: Any) -> Any:
        """The body with this event that is sent after somebody's action."""
        act(self.sandbox, user, action, **more)
        return self.sent(event)

    def sent(self, event: str) -> Any:
        assert self.sandbox.sender.send_all(seconds=10)
        return [each.document for each in self.receiver.received if each.event == event][-1]


@pytest.fixture
def site(sandbox: Sandbox, creator: str, receiver: Receiver) -> Site:
    triggers = [each for each in TRIGGERS if each.startswith(("members", "posts"))]
    send(sandbox, creator, "POST", "/webhooks", webhook_body(receiver.uri, triggers))
    return Site(sandbox, creator, receiver)


def declined_without_access(site: Site) -> Any:
    control(site.sandbox, "POST", "settings", {"declined_keeps_tiers": False})
    body = site.sent_after("members:update", "gold", "decline")
    assert body["data"]["relationships"]["currently_entitled_tiers"]["data"] == []
    return body


def published(site: Site) -> Any:
    given = {"do": "publish", "title": "The ferry", "tiers": ["Silver", "Gold"]}
    control(site.sandbox, "POST", "posts", given)
    return site.sent("posts:publish")


def portal_test(site: Site) -> Any:
    [key] = site.sandbox.world.hooks
    control(site.sandbox, "POST", "hooks/test", {"id": key})
    return site.sent(TRIGGERS[0])


def too_many(site: Site) -> Any:
    limited = Sandbox(rate_limit=True)
    return [get(limited, "x") for _ in range(101)][-1].json()


def webhook_created(site: Site) -> Any:
    body = webhook_body("https://example.org/hook")
    return send(site.sandbox, site.creator, "POST", "/webhooks", body).json()


MEMBERS = f"/campaigns/{HOME}/members"
# For each file of samples/: the document of the sandbox that is compared with it. `query` asks for
# what the sample shows.
TWINS: dict[str, Callable[[Site, str], Any]] = {
    "identity_with_memberships": lambda site, query: site.identity(
        "foreign-first", EVERYTHING, query
    ),
    "identity_no_scope": lambda site, query: site.identity("gold", "identity", query),
    "identity_not_a_member": lambda site, query: site.identity("stranger", EVERYTHING, query),
    "identity_no_fields": lambda site, query: site.identity("gold", EVERYTHING, ""),
    "campaigns": lambda site, query: site.read("/campaigns", query),
    "campaign_members_page1": lambda site, query: site.read(MEMBERS, f"{query}&page[count]=4"),
    "campaign_members_last_page": lambda site, query: site.read(MEMBERS, query),
    # Gold has an address, as the sample.
    "member": lambda site, query: site.read(f"/members/{member_of(site.sandbox, 'gold')}", query),
    "token": lambda site, query: exchange(site.sandbox, code_for(site.sandbox)).json(),
    "token_error_invalid_grant": lambda site, query: exchange(site.sandbox, "spent").json(),
    "token_error_invalid_client": lambda site, query: exchange(
        site.sandbox, "x", client_id="who"
    ).json(),
    "error_400_parameter": lambda site, query: site.read(
        "/identity", "fields[campaign]=pledge_sum"
    ),
    "error_400_cursor": lambda site, query: site.read(MEMBERS, "page[cursor]=x"),
    "error_401": lambda site, query: get(site.sandbox, "dead").json(),
    "error_403": lambda site, query: site.read("/campaigns/5120934"),
    "error_404": lambda site, query: site.read("/members/nobody"),
    "error_429": lambda site, query: too_many(site),
    "hook_members_create": lambda site, query: site.sent_after(
        "members:create", "stranger", "join"
    ),
    "hook_members_delete": lambda site, query: site.sent_after("members:delete", "free", "delete"),
    "hook_members_pledge_create": lambda site, query: site.sent_after(
        "members:pledge:create", "stranger", "pledge", tier="Silver"
    ),
    "hook_members_pledge_delete": lambda site, query: site.sent_after(
        "members:pledge:delete", "gold", "cancel_now"
    ),
    "hook_members_update_declined": lambda site, query: site.sent_after(
        "members:update", "gold", "decline"
    ),
    "hook_members_update_declined_no_access": lambda site, query: declined_without_access(site),
    "hook_posts_publish": lambda site, query: published(site),
    "hook_portal_test_v1_shape": lambda site, query: portal_test(site),
    "webhook_created": lambda site, query: webhook_created(site),
    "webhooks_list": lambda site, query: site.read("/webhooks"),
}


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_the_sandbox_answers_in_the_shape_of_each_sample(site: Site, name: str) -> None:
    theirs = sample(name)
    ours = TWINS[name](site, asked_like(theirs) if "data" in theirs else "")
    assert_same_shape(ours, theirs)


@pytest.mark.parametrize(
    "name",
    [
        "hook_members_create",
        "hook_members_delete",
        "hook_members_pledge_create",
        "hook_members_pledge_delete",
        "hook_members_update_declined",
    ],
)
def test_a_member_event_has_the_state_and_the_order_of_the_sample(site: Site, name: str) -> None:
    ours, theirs = TWINS[name](site, ""), sample(name)
    assert [each["type"] for each in ours["included"]] == [
        each["type"] for each in theirs["included"]
    ]
    for each in ("patron_status", "last_charge_status", "is_gifted", "is_free_trial"):
        assert ours["data"]["attributes"][each] == theirs["data"]["attributes"][each], each


def test_every_twin_has_a_sample() -> None:
    assert TWINS.keys() == {path.stem for path in SAMPLES.glob("*.json")}


def test_documents_of_different_shapes_are_told_apart() -> None:
    with pytest.raises(AssertionError):
        assert_same_shape({"data": {"id": 7}}, {"data": {"id": "7"}})
    with pytest.raises(AssertionError):
        assert_same_shape({"data": {}}, {"data": {"id": "7"}})
