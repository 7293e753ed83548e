"""The sandbox continues to answer, whatever requests, files and members it meets."""

from __future__ import annotations

import http.client
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from django_patreon.sandbox import Request, Sandbox

from .client import AGENT, act, control, get, send, tokens_for

DAY = 86400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "kept"
    made.mkdir()
    return made


def due_at_once(file: Path, **but: Any) -> Any:
    """A state file in which a day passed without the sandbox, and the trial ends in it."""
    document = json.loads(file.read_text())
    for member in document["world"]["members"].values():
        if member["ends"] == "trial":
            member.update(but)
    document["world"]["clock"]["ahead_seconds"] += 6 * DAY
    file.write_text(json.dumps(document))
    return document


def test_requests_are_answered_when_the_folder_of_the_state_is_gone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder / "state.json"
    Sandbox(state=file).save()
    due_at_once(file)
    sandbox = Sandbox(state=file)
    shutil.rmtree(folder)
    with sandbox.serve() as server:
        for _ in range(2):
            sandbox.tick()
            line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            line.request("GET", "/_sandbox/clock")
            assert line.getresponse().status == 200
            line.close()
    assert act(sandbox, "gold", "decline")["patron_status"] == "declined_patron"
    assert control(sandbox, "POST", "clock", {"advance": 30 * DAY}).status == 200
    assert "could not write its state file" in caplog.text
    folder.mkdir()
    control(sandbox, "POST", "settings", {"webhook_hold": True})
    assert file.exists()  # it is written again as soon as it can be


def test_what_happened_before_a_request_that_only_reads_is_kept(folder: Path) -> None:
    file = folder / "state.json"
    Sandbox(state=file).save()
    due_at_once(file)
    control(Sandbox(state=file), "GET", "clock")
    kept = json.loads(file.read_text())["world"]["members"].values()
    assert not [each for each in kept if each["ends"] == "trial"]


def test_an_error_with_one_member_does_not_stop_the_others(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder / "state.json"
    Sandbox(state=file).save()
    due_at_once(file, tier_ids=[], pledged_tier_id=None)  # a trial of nothing
    sandbox = Sandbox(state=file)
    sandbox.tick()
    assert "The scheduled change of member" in caplog.text
    before = act(sandbox, "gold", "pay")
    control(sandbox, "POST", "clock", {"advance": 31 * DAY})
    members = control(sandbox, "GET", "members").json()["members"]
    [gold] = [each for each in members if each["user"] == "gold"]
    assert gold["next_charge_date"] > before["next_charge_date"]


def test_a_fault_of_a_state_file_is_refused_before_it_can_raise(folder: Path) -> None:
    file = folder / "state.json"
    sandbox = Sandbox(state=file)
    control(sandbox, "POST", "faults", {"kind": "slow", "seconds": 0})
    document = json.loads(file.read_text())
    document["faults"][0]["options"] = {"seconds": "long"}
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"faults\[0\]: seconds"):
        Sandbox(state=file)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("clock", "ahead_seconds"), 1e300),
        (("clock", "ahead_seconds"), float("nan")),
        (("clock", "ahead_seconds"), -1),
        (("members", 2, "pledge_cadence"), -1),
        (("members", 2, "will_pay_amount_cents"), -5),
        (("members", 2, "next_charge_date"), "9999-12-31T23:59:59-12:00"),
    ],
)
def test_a_state_that_would_stop_the_clock_is_refused(
    folder: Path, where: tuple[Any, ...], value: Any
) -> None:
    file = folder / "state.json"
    Sandbox(state=file).save()
    document = json.loads(file.read_text())
    node = document["world"]
    for step in where[:-1]:
        node = list(node.values())[step] if isinstance(step, int) else node[step]
    node[where[-1]] = value
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"state\.json"):
        Sandbox(state=file)


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+12:00"],
)
def test_a_live_beyond_all_time_is_refused_and_saving_goes_on(folder: Path, moment: str) -> None:
    sandbox = Sandbox(state=folder / "state.json")
    creator = tokens_for(sandbox, "creator")["access_token"]
    attributes = {"state": "pre_live", "title": "Late", "scheduled_for": moment}
    body = {"data": {"type": "live", "attributes": attributes}}
    assert send(sandbox, creator, "POST", "/lives", body).status == 400
    sandbox.save()


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"kind": []}', b'{"kind": {}}', b"\xff", b"1"])
@pytest.mark.parametrize("path", ["faults", "members", "clock", "crowd", "tokens/issue", "people"])
def test_no_body_makes_a_control_fail(sandbox: Sandbox, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    target = f"/_sandbox/{path}"
    answer = sandbox.handle(Request(method="POST", target=target, headers=headers, body=body))
    assert answer.status == 400


def test_a_target_that_no_text_can_hold_is_answered(sandbox: Sandbox) -> None:
    for target in ("/\ud800", "/oauth2/authorize?client_id=\ud800", "/api/oauth2/v2/\ud800"):
        assert sandbox.handle(Request(method="GET", target=target, headers=AGENT)).status < 500
    assert sandbox.handle(Request(method="GET", target="/")).status == 200
    assert get(sandbox, "x").status == 401
