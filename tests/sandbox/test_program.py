"""The command line: `python -m django_patreon.sandbox`."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from django_patreon.sandbox.__main__ import main

from .client import BACK, CLIENT, authorize_target

COMMAND = [sys.executable, "-m", "django_patreon.sandbox"]


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program on a free port, and its address."""
    process = subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield process, process.stdout.readline().split()[-1]
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a program that runs for all tests of this file."""
    with started() as (_, address):
        yield address


def test_it_needs_the_standard_library_only() -> None:
    """Without site-packages (-S) nothing that was installed can be imported."""
    command = [sys.executable, "-S", *COMMAND[1:], "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr
    assert "--scenario FILE" in done.stdout


def test_a_client_signs_in_and_reads_the_identity(url: str) -> None:
    query = {
        "response_type": "code",
        "client_id": "sandbox-client",
        "redirect_uri": "http://127.0.0.1/x",
        "scope": "identity",
        "sandbox_user": "bronze",
    }
    consent = requests.get(f"{url}/oauth2/authorize", query, allow_redirects=False, timeout=5)
    code = parse_qs(urlsplit(consent.headers["Location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://127.0.0.1/x",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    }
    access = requests.post(f"{url}/api/oauth2/token", form, timeout=5).json()["access_token"]
    person = requests.get(
        f"{url}/api/oauth2/v2/identity?fields[user]=full_name",
        headers={"Authorization": f"Bearer {access}"},
        timeout=5,
    ).json()
    assert person["data"]["attributes"]["full_name"] == "Bruno Vale"
    assert person["links"]["self"].startswith(url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(number: int) -> None:
    with started() as (process, _):
        process.send_signal(number)
        assert process.wait(timeout=5) == 0


def test_a_taken_port_is_reported(url: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--port", str(urlsplit(url).port)],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 1
    assert "Choose another with --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "headers",
    [{"Content-Length": "x"}, {"Content-Length": "99999999"}, {"Transfer-Encoding": "chunked"}],
)
def test_a_body_that_is_too_long_is_refused(url: str, headers: dict[str, str]) -> None:
    response = requests.request("POST", f"{url}/api/oauth2/token", headers=headers, timeout=5)
    assert response.status_code in (411, 413)
    assert response.json()["errors"][0]["status"] == str(response.status_code)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"nonsense", b"400"),
        (b"GET / HTTP/9.1", b"505"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1", b"414"),
    ],
)
def test_a_malformed_request_is_refused_in_the_shape_of_the_api(
    url: str, line: bytes, status: bytes
) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(line + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b'"status": "' + status + b'"' in answer


def test_any_method_and_any_target_are_answered_on_one_connection(url: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    with closing(connection):
        for method, target, status in (
            ("BREW", "/api/oauth2/v2/identity", 405),
            ("GET", "*", 404),
            ("GET", "/api/oauth2/v2/identity", 401),
        ):
            connection.request(method, target, headers={"User-Agent": "a client"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=10, check=False
    )


def test_an_invalid_scenario_is_reported_before_the_port_is_opened(tmp_path) -> None:
    file = tmp_path / "scenario.json"
    file.write_text('{"members": [\n{"slug": "zoe", "tiers": ["Tin"]}]}')
    done = run("--scenario", str(file), "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "scenario.json, line 2: members[0].tiers[0]: there is no tier 'Tin'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scenario", "/nowhere/scenario.json"),
        ("--state", "/nowhere/state.json"),
        ("--members", "-1"),
        ("--members", "99999999"),
        ("--url", "sandbox:8001"),
        ("--url", "http://sandbox:8001/path"),
        ("--redirect-uri", "/complete/patreon/"),
    ],
)
def test_an_invalid_argument_is_reported(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--port", "0"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("The sandbox does not start.")


def test_a_restarted_program_knows_its_tokens(tmp_path) -> None:
    file = tmp_path / "state.json"
    given = {}
    for turn in ("first", "second"):
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--state", str(file), "--members", "5000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            url = process.stdout.readline().split()[-1]
            if turn == "first":
                given = tokens_over_http(url)
            headers = {"Authorization": f"Bearer {given['access_token']}", "User-Agent": "test"}
            answer = requests.get(f"{url}/api/oauth2/v2/identity", headers=headers, timeout=5)
            assert answer.status_code == 200
            process.kill()  # without a word of warning


def tokens_over_http(url: str) -> dict[str, str]:
    target = f"{url}{authorize_target(sandbox_user='gold')}"
    back = requests.get(target, allow_redirects=False, timeout=5).headers["Location"]
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": BACK,
        **CLIENT,
    }
    answer = requests.post(f"{url}/api/oauth2/token", data=form, timeout=5)
    return dict(answer.json())
