"""Every sample of Patreon's answers that the sandbox can give has a twin of the same shape.

The samples have invented values in observed or documented shapes; `DIFFERENT` lists what may
differ, and why.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_patreon.sandbox import Response, Sandbox
from django_patreon.sandbox.webhooks.queue import TRIGGERS

from .asking import act, code_for, control, exchange, get, send, tokens_for
from .conftest import Receiver
from .test_hooks import about

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


@pytest.mark.parametrize(
    ("name", "slug", "scope"),
    [
        ("identity_with_memberships", "foreign-first", EVERYTHING),
        ("identity_no_scope", "gold", "identity"),
        ("identity_not_a_member", "stranger", EVERYTHING),
    ],
)
def test_a_person_looks_like_the_sample(sandbox: Sandbox, name: str, slug: str, scope: str) -> None:
    access = tokens_for(sandbox, slug, scope=scope)["access_token"]
    ours = get(sandbox, access, query=asked_like(sample(name))).json()
    assert_same_shape(ours, sample(name))


def test_nothing_asked_looks_like_the_sample(sandbox: Sandbox) -> None:
    ours = get(sandbox, tokens_for(sandbox)["access_token"]).json()
    assert_same_shape(ours, sample("identity_no_fields"))


def member_of(sandbox: Sandbox, slug: str) -> str:
    person = sandbox.world.person_called(slug)
    assert person is not None
    return sandbox.world.memberships_of(person.id)[0].id


@pytest.mark.parametrize(
    ("name", "path", "more"),
    [
        ("campaigns", "/campaigns", ""),
        ("campaign_members_page1", f"/campaigns/{HOME}/members", "&page[count]=4"),
        ("campaign_members_last_page", f"/campaigns/{HOME}/members", ""),
        ("member", "/members/{member}", ""),
    ],
)
def test_what_a_creator_reads_looks_like_the_sample(
    sandbox: Sandbox, name: str, path: str, more: str
) -> None:
    access = tokens_for(sandbox, "creator")["access_token"]
    path = path.format(member=member_of(sandbox, "gold"))  # has an address, as the sample
    response = get(sandbox, access, path, asked_like(sample(name)) + more)
    assert response.status == 200, response.body
    ours = response.json()
    theirs = sample(name)
    assert_same_shape(ours, theirs)


def _unknown_field(sandbox: Sandbox) -> Response:
    return get(sandbox, tokens_for(sandbox)["access_token"], query="fields[campaign]=pledge_sum")


def _stale_cursor(sandbox: Sandbox) -> Response:
    access = tokens_for(sandbox, "creator")["access_token"]
    return get(sandbox, access, f"/campaigns/{HOME}/members", "page[cursor]=x")


def _foreign(sandbox: Sandbox) -> Response:
    return get(sandbox, tokens_for(sandbox, "creator")["access_token"], "/campaigns/5120934")


def _nobody(sandbox: Sandbox) -> Response:
    return get(sandbox, tokens_for(sandbox, "creator")["access_token"], "/members/nobody")


def _too_many(sandbox: Sandbox) -> Response:
    limited = Sandbox(rate_limit=True)
    for _ in range(101):
        answer = get(limited, "x")
    return answer


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("token", lambda sandbox: exchange(sandbox, code_for(sandbox))),
        ("token_error_invalid_grant", lambda sandbox: exchange(sandbox, "spent")),
        ("token_error_invalid_client", lambda sandbox: exchange(sandbox, "x", client_id="who")),
        ("error_400_parameter", _unknown_field),
        ("error_400_cursor", _stale_cursor),
        ("error_401", lambda sandbox: get(sandbox, "dead")),
        ("error_403", _foreign),
        ("error_404", _nobody),
        ("error_429", _too_many),
    ],
)
def test_tokens_and_errors_look_like_the_sample(
    sandbox: Sandbox, name: str, ask: Callable[[Sandbox], Response]
) -> None:
    assert_same_shape(ask(sandbox).json(), sample(name))


def test_the_shape_of_a_path_can_tell_documents_apart() -> None:
    with pytest.raises(AssertionError):
        assert_same_shape({"data": {"id": 7}}, {"data": {"id": "7"}})
    with pytest.raises(AssertionError):
        assert_same_shape({"data": {}}, {"data": {"id": "7"}})


@pytest.fixture
def told(sandbox: Sandbox, creator: str, receiver: Receiver) -> Callable[[str], Any]:
    """What a hook is sent after somebody has done something: the last body with that event."""
    triggers = [each for each in TRIGGERS if each.startswith(("members", "posts"))]
    send(sandbox, creator, "POST", "/webhooks", about(receiver.uri, triggers))

    def body_of(event: str) -> Any:
        assert sandbox.sender.send_all(seconds=10)
        return [each.document for each in receiver.received if each.event == event][-1]

    return body_of


@pytest.mark.parametrize(
    ("name", "event", "who", "what", "more"),
    [
        ("hook_members_create", "members:create", "stranger", "join", {}),
        ("hook_members_delete", "members:delete", "free", "delete", {}),
        (
            "hook_members_pledge_create",
            "members:pledge:create",
            "stranger",
            "pledge",
            {"tier": "Silver"},
        ),
        ("hook_members_pledge_delete", "members:pledge:delete", "gold", "cancel_now", {}),
        ("hook_members_update_declined", "members:update", "gold", "decline", {}),
    ],
)
def test_a_member_event_looks_like_the_sample(
    sandbox: Sandbox,
    told: Callable[[str], Any],
    name: str,
    event: str,
    who: str,
    what: str,
    more: Any,
) -> None:
    act(sandbox, who, what, **more)
    ours, theirs = told(event), sample(name)
    assert_same_shape(ours, theirs)
    assert [each["type"] for each in ours["included"]] == [
        each["type"] for each in theirs["included"]
    ]
    state = ("patron_status", "last_charge_status", "is_gifted", "is_free_trial")
    for each in state:
        assert ours["data"]["attributes"][each] == theirs["data"]["attributes"][each], each


def test_a_declined_member_without_access_looks_like_the_sample(
    sandbox: Sandbox, told: Callable[[str], Any]
) -> None:
    control(sandbox, "POST", "settings", {"declined_keeps_tiers": False})
    act(sandbox, "gold", "decline")
    ours = told("members:update")
    assert_same_shape(ours, sample("hook_members_update_declined_no_access"))
    assert ours["data"]["relationships"]["currently_entitled_tiers"]["data"] == []


def test_a_post_event_looks_like_the_sample(sandbox: Sandbox, told: Callable[[str], Any]) -> None:
    given = {"do": "publish", "title": "The ferry", "tiers": ["Silver", "Gold"]}
    control(sandbox, "POST", "posts", given)
    assert_same_shape(told("posts:publish"), sample("hook_posts_publish"))


def test_the_portals_test_looks_like_the_sample(
    sandbox: Sandbox, told: Callable[[str], Any]
) -> None:
    [key] = sandbox.world.hooks
    control(sandbox, "POST", "hooks/test", {"id": key})
    assert_same_shape(told(TRIGGERS[0]), sample("hook_portal_test_v1_shape"))


def test_hooks_look_like_the_samples(sandbox: Sandbox, creator: str) -> None:
    made = send(sandbox, creator, "POST", "/webhooks", about("https://example.org/hook"))
    assert_same_shape(made.json(), sample("webhook_created"))
    assert_same_shape(send(sandbox, creator, "GET", "/webhooks").json(), sample("webhooks_list"))


def test_every_sample_has_a_twin_here() -> None:
    """Each file is named by a test above, so a new sample cannot be forgotten."""
    text = Path(__file__).read_text()
    assert {path.stem for path in SAMPLES.glob("*.json") if path.stem not in text} == set()
