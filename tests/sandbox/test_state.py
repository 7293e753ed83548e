"""The state file: all data is there after a restart, and an invalid file is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from django_patreon.sandbox import Sandbox

from .client import act, control, get, refresh, send, tokens_for, webhook_body
from .conftest import Receiver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def test_tokens_members_hooks_and_the_clock_survive(file: Path) -> None:
    before = Sandbox(state=file)
    creator = tokens_for(before, "creator")["access_token"]
    gold = tokens_for(before, "gold")
    control(before, "POST", "crowd", {"members": 50})
    act(before, "member-3", "cancel_now")
    act(before, "stranger", "pledge", tier="Gold")
    send(before, creator, "POST", "/webhooks", webhook_body("http://127.0.0.1:1/"))
    control(before, "POST", "settings", {"keep_access_on_refresh": True, "webhook_hold": True})
    control(before, "POST", "faults", {"kind": "slow", "path": "/api/v3", "seconds": 3})
    act(before, "gold", "decline")
    control(before, "POST", "clock", {"advance": 86400})

    after = Sandbox(state=file)
    for path in ("members", "hooks", "settings", "faults"):
        there = control(after, "GET", path).json()
        assert there == control(before, "GET", path).json(), path
    gap = after.world.clock.now() - before.world.clock.now()
    assert abs(gap.total_seconds()) < 60
    assert get(after, gold["access_token"]).status == 200
    assert control(after, "GET", "deliveries").json()["pending"] >= 1
    renewed = refresh(after, gold["refresh_token"]).json()
    assert renewed["access_token"] not in {gold["access_token"], creator}
    assert refresh(after, gold["refresh_token"]).status == 401


def test_a_queue_goes_on_where_it_was(file: Path, receiver: Receiver) -> None:
    before = Sandbox(state=file)
    creator = tokens_for(before, "creator")["access_token"]
    send(before, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    control(before, "POST", "settings", {"webhook_hold": True})
    act(before, "gold", "decline")
    after = Sandbox(state=file)
    control(after, "POST", "settings", {"webhook_hold": False})
    assert after.sender.send_all(seconds=10)
    assert receiver.events == ["members:update"]
    assert not Sandbox(state=file).sender.pending


def test_what_was_sent_is_still_listed_and_can_be_sent_again(
    file: Path, receiver: Receiver
) -> None:
    before = Sandbox(state=file)
    creator = tokens_for(before, "creator")["access_token"]
    send(before, creator, "POST", "/webhooks", webhook_body(receiver.uri))
    receiver.answers = [200, 500]
    act(before, "gold", "decline")
    assert before.sender.send_all(seconds=10)
    act(before, "silver", "decline")
    assert before.sender.send_all(seconds=10)
    after = Sandbox(state=file)
    listed = control(after, "GET", "deliveries").json()
    assert listed == control(before, "GET", "deliveries").json()
    assert [each["delivered"] for each in listed["deliveries"]] == [True, False]
    control(after, "POST", "deliveries/again", {"id": listed["deliveries"][0]["id"]})
    assert control(after, "POST", "clock", {"advance": 7 * 86400}).status == 200
    states = [
        each["delivered"] for each in control(after, "GET", "deliveries").json()["deliveries"]
    ]
    assert states[:2] == [True, True]  # the one that had failed is noted where it was


def test_the_file_is_for_its_owner_only_and_nothing_is_left_beside_it(file: Path) -> None:
    sandbox = Sandbox(state=file)
    tokens_for(sandbox)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1}', "[" * 100_000],
)
def test_a_broken_file_is_refused_with_its_name(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=r"state\.json"):
        Sandbox(state=file)
    assert file.read_text() == text  # nothing is lost


def test_a_file_with_a_wrong_value_says_where(file: Path) -> None:
    tokens_for(Sandbox(state=file))
    document: Any = json.loads(file.read_text())
    document["world"]["clock"]["ahead_seconds"] = "x"
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"world\.clock\.ahead_seconds: must be a number"):
        Sandbox(state=file)


def test_a_state_file_has_the_names_of_format_1(tmp_path: Path) -> None:
    """An older sandbox wrote them; a newer one reads its files."""
    file = tmp_path / "state.json"
    Sandbox(state=file).save()
    document = json.loads(file.read_text())
    assert document["format"] == 1
    assert set(document) == {
        "format", "world", "switches", "faults", "deliveries", "issued", "pairs", "codes",
        "granted_scopes",
    }  # fmt: skip
    assert {"campaigns", "people", "members", "hooks", "crowd", "last_number"} <= set(
        document["world"]
    )
