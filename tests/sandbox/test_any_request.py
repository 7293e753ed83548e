"""Any request is answered, with any query and body, of a stranger, a member and the creator."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_patreon.sandbox import Request, Sandbox
from django_patreon.sandbox.api.v2 import PREFIX, ROUTES
from django_patreon.sandbox.resources.kinds import KINDS

from .client import get, send, tokens_for, webhook_body

HOME = "4410027"
SANDBOX = Sandbox()
TOKENS = [tokens_for(SANDBOX, slug)["access_token"] for slug in ("creator", "gold")]
HOOK = send(
    SANDBOX, TOKENS[0], "POST", "/webhooks", webhook_body("https://example.org/hook")
).json()
LIVE = send(
    SANDBOX,
    TOKENS[0],
    "POST",
    "/lives",
    {"data": {"type": "live", "attributes": {"state": "live"}}},
).json()
# Ids that exist, for the last kind of resource in a path.
IDS = {
    "campaigns": HOME,
    "members": SANDBOX.world.members_of(HOME)[0].id,
    "posts": next(iter(SANDBOX.world.posts)),
    "webhooks": HOOK["data"]["id"],
    "lives": LIVE["data"]["id"],
}
ROUTED = [
    (
        each.method,
        PREFIX + each.pattern.replace("([^/]{1,64})", IDS.get(each.pattern.split("/")[1], "")),
    )
    for each in ROUTES
    if each.method != "DELETE"  # the ids are to stay
]
METHODS = ["GET"] * 4 + ["POST"] * 4 + ["PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "X"]
OTHER_PATHS = [
    "/", "/oauth2/authorize", "/oauth2/errors", "/api/oauth2/token", "/api/oauth2/token/revoke",
    "/api/oauth2/api/current_user", f"/api/oauth2/api/campaigns/{HOME}/pledges",
    f"{PREFIX}/members/x", f"{PREFIX}/campaigns/5120934/posts", f"{PREFIX}/lives/%2e", PREFIX,
    "/_sandbox/faults", "/_sandbox/clock", "/_sandbox/settings", "/_sandbox/nothing",
    "/checkout/lanternhouse", "/lanternhouse", "/user", "/posts/x", "//", "*",
]  # fmt: skip

targets = (
    st.sampled_from(ROUTED)
    | st.sampled_from(ROUTED)
    | st.tuples(st.sampled_from(METHODS), st.sampled_from(OTHER_PATHS))
)
kinds = st.sampled_from([*sorted(KINDS), "x"])
names = st.sampled_from(
    [
        *sorted({name for kind in KINDS.values() for name in (*kind.attributes, *kind.relations)}),
        "x",
    ]
)
fields_of_a_kind = st.sampled_from(
    [f"fields[{name}]={','.join(kind.attributes)}" for name, kind in sorted(KINDS.items())]
)
parameters = (
    fields_of_a_kind
    | st.builds("fields[{}]={},{}".format, kinds, names, names)
    | st.builds("include={}.{}".format, names, names)
    | st.builds("page[count]={}".format, st.sampled_from(["0", "1", "-1", "1001", "9" * 30, "²"]))
    | st.builds("page[cursor]={}".format, st.sampled_from(["", "x", "MS8y", "5", "AAAA", "ééé"]))
)
queries = (
    st.lists(fields_of_a_kind, max_size=3).map("&".join)
    | st.lists(parameters, max_size=3).map("&".join)
    | st.text(max_size=60)
)
bodies = st.binary(max_size=80) | st.sampled_from(
    [b"[]", b"{}", b"null", b'{"advance": 1e999}', b'{"data": []}']
)

# Attributes that are right, and values that are wrong for most of them.
RIGHT = {
    "webhook": {"triggers": ["members:create"], "uri": "https://example.org/hook", "paused": True},
    "live": {
        "state": "live",
        "title": "Talk",
        "description": None,
        "live_access_rule_ids": [],
        "scheduled_for": None,
    },
}
WRONG = [None, True, 7, "x", "2026-13-01", [], ["x"], [7], [[]], [{}], {}, {"x": 1}]
WRITES = [each for each in ROUTED if each[0] != "GET"]


def encoded(text: str) -> str:
    """A cursor as the sandbox makes them."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.fixture(autouse=True)
def _raise_what_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The sandbox logs its own failures and answers 500 then."""
    with caplog.at_level(logging.ERROR, "django_patreon.sandbox"):
        yield
    assert caplog.text == ""


@given(
    target=targets,
    query=queries,
    agent=st.sampled_from(["a client"] * 7 + [""]),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "", "x"]),
    authorization=st.sampled_from([f"Bearer {each}" for each in TOKENS])
    | st.sampled_from([f"Bearer {TOKENS[0]}"])
    | st.text(max_size=20),
    body=bodies,
)
@settings(max_examples=200, deadline=None)
def test_any_request_is_answered_and_none_fails(
    target: tuple[str, str], query: str, agent: str, kind: str, authorization: str, body: bytes
) -> None:
    headers = {"User-Agent": agent, "Content-Type": kind, "Authorization": authorization}
    response = SANDBOX.handle(
        Request(method=target[0], target=f"{target[1]}?{query}", headers=headers, body=body)
    )
    assert 200 <= response.status < 500


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_any_attribute_that_the_creator_writes_is_answered(method: str, path: str) -> None:
    kind = "webhook" if "webhooks" in path else "live"

    def write(attributes: dict[str, Any], campaign: Any = HOME) -> int:
        data = {
            "type": kind,
            "attributes": attributes,
            "relationships": {"campaign": {"data": {"type": "campaign", "id": campaign}}},
        }
        body = {"data": data}
        return send(SANDBOX, TOKENS[0], method, path.removeprefix(PREFIX), body).status

    assert write(RIGHT[kind]) in (200, 201)
    for value in WRONG:
        assert write(RIGHT[kind], value) in (200, 201, 400, 403)
        for name in RIGHT[kind]:
            assert write(RIGHT[kind] | {name: value}) in (200, 201, 400)


@given(st.text(max_size=12) | st.text("0123456789/-x", max_size=9).map(encoded))
@settings(max_examples=150, deadline=None)
def test_any_cursor_is_answered(cursor: str) -> None:
    query = urlencode({"page[cursor]": cursor})
    answer = get(SANDBOX, TOKENS[0], f"/campaigns/{HOME}/members", query)
    assert answer.status in (200, 400)


def test_the_tokens_of_the_requests_above_are_valid() -> None:
    assert [get(SANDBOX, each).status for each in TOKENS] == [200, 200]
