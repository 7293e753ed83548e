"""The OpenAPI description is valid, and the answers are what it says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from django_patreon.sandbox import Sandbox
from django_patreon.sandbox.api.v2 import PREFIX, ROUTES
from django_patreon.sandbox.resources.kinds import KINDS

from .client import control, patch_body, send, token, webhook_body

HOME = "4410027"


@pytest.fixture
def description(sandbox: Sandbox) -> Any:
    return control(sandbox, "GET", "openapi.json").json()


def everything(root: str) -> str:
    """All fields of all types, and all relations two steps deep."""
    fields = "&".join(f"fields[{name}]={','.join(kind.attributes)}" for name, kind in KINDS.items())
    steps = []
    for name, relation in KINDS[root].relations.items():
        steps.append(name)
        below = KINDS[relation.kind].relations if relation.kind in KINDS else ()
        steps += [f"{name}.{each}" for each in below]
    return f"{fields}&include={','.join(steps)}"


def check(description: Any, path: str, method: str, response: Any) -> None:
    answers = description["paths"][path][method]["responses"]
    assert str(response.status) in answers, response.body
    if response.status == 204:
        assert response.body == b""
        return
    content = answers[str(response.status)]["content"]
    schema = content[response.header("Content-Type")]["schema"]
    whole = {**schema, "components": description["components"]}
    Draft202012Validator(whole).validate(response.json())


def test_the_description_is_valid(description: Any) -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="`make check` brings it")
    validator.validate(description)


def test_every_route_and_type_is_described(description: Any) -> None:
    described = {
        (method.upper(), path)
        for path, methods in description["paths"].items()
        for method in methods
    }
    assert {("POST", "/api/oauth2/token")} | {
        (each.method, PREFIX + each.pattern.replace("([^/]{1,64})", "{id}")) for each in ROUTES
    } == described
    assert set(KINDS) < set(description["components"]["schemas"])


@pytest.mark.parametrize("odd", [{}, {"masked_members": True, "entitled_tiers": "null"}])
def test_answers_with_everything_in_them_are_as_described(
    sandbox: Sandbox, creator: str, description: Any, odd: Any
) -> None:
    control(sandbox, "POST", "settings", odd)
    made = send(sandbox, creator, "POST", "/webhooks", webhook_body("https://example.org/hook"))
    check(description, f"{PREFIX}/webhooks", "post", made)
    hook = made.json()["data"]["id"]
    live = send(
        sandbox,
        creator,
        "POST",
        "/lives",
        {"data": {"type": "live", "attributes": {"state": "pre_live", "title": "Talk"}}},
    )
    check(description, f"{PREFIX}/lives", "post", live)
    ids = {
        "campaigns": HOME,
        "members": sandbox.world.members_of(HOME)[0].id,
        "posts": next(iter(sandbox.world.posts)),
        "webhooks": hook,
        "lives": live.json()["data"]["id"],
    }
    for route in ROUTES:
        if route.method != "GET":
            continue
        pattern = route.pattern.replace("([^/]{1,64})", "{id}")
        path = pattern.replace("{id}", ids.get(pattern.split("/")[1], ""))
        response = send(sandbox, creator, "GET", f"{path}?{everything(route.kind)}")
        assert response.status == 200, response.body
        check(description, PREFIX + pattern, "get", response)
    body = patch_body(hook, paused=True)
    changed = send(sandbox, creator, "PATCH", f"/webhooks/{hook}", body)
    check(description, f"{PREFIX}/webhooks/{{id}}", "patch", changed)
    gone = send(sandbox, creator, "DELETE", f"/webhooks/{hook}")
    check(description, f"{PREFIX}/webhooks/{{id}}", "delete", gone)


def test_every_field_and_relation_is_described(description: Any) -> None:
    shared = description["components"]["parameters"]
    for operation in description["paths"][f"{PREFIX}/campaigns/{{id}}/members"].values():
        named = [
            each["$ref"].rpartition("/")[2] for each in operation["parameters"] if "$ref" in each
        ]
        assert {"fields-member", "fields-user", "fields-tier", "include-member"} <= set(named)
        assert set(named) <= shared.keys()
    for name, kind in KINDS.items():
        assert set(shared[f"fields-{name}"]["schema"]["items"]["enum"]) == set(kind.attributes)
    assert "user" in shared["include-member"]["schema"]["items"]["enum"]


def test_refusals_are_as_described(sandbox: Sandbox, creator: str, description: Any) -> None:
    one = f"{PREFIX}/campaigns/{{id}}"
    for response in (
        send(sandbox, creator, "GET", "/campaigns/5120934"),
        send(sandbox, creator, "GET", "/campaigns/1"),
        send(sandbox, "dead", "GET", f"/campaigns/{HOME}"),
        send(sandbox, creator, "GET", f"/campaigns/{HOME}?include=sneeze"),
    ):
        check(description, one, "get", response)
    check(description, "/api/oauth2/token", "post", token(sandbox, grant_type="password"))
    check(description, "/api/oauth2/token", "post", token(sandbox, grant_type="refresh_token"))


def test_the_check_finds_a_wrong_answer(sandbox: Sandbox, creator: str, description: Any) -> None:
    response = send(sandbox, creator, "GET", f"/campaigns/{HOME}?fields[campaign]=patron_count")
    response.body = response.body.replace(b'"patron_count": ', b'"patron_count": null, "x": ')
    with pytest.raises(Exception, match=r"not valid|not of type"):
        check(description, f"{PREFIX}/campaigns/{{id}}", "get", response)
