"""`manage.py demo`, as a newcomer and as CI run it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from example_project.processes import HOST, free_port

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
    }


def check(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", "--check", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def demo(environment: dict[str, str], *ports: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", *ports],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        yield process
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)


@pytest.fixture
def ports() -> list[str]:
    return ["--port", str(free_port()), "--sandbox-port", str(free_port())]


@pytest.fixture
def running_demo(
    environment: dict[str, str], ports: list[str]
) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    with demo(environment, *ports) as process:
        yield ports, process


def test_the_check_starts_both_programs_when_neither_runs(environment: dict[str, str]) -> None:
    ports = ["--port", str(free_port()), "--sandbox-port", str(free_port())]
    done = check(environment, *ports)
    assert done.returncode == 0, done.stderr
    assert "The whole dance works" in done.stdout
    assert done.stdout.count("  ok  ") == 10
    assert "the gated page is open to Alma Reyes" in done.stdout
    assert "the admin shows a complete sync of 20" in done.stdout
    assert "9 changes at Patreon reach the gates by webhook" in done.stdout


def test_the_demo_runs_until_ctrl_c_and_passes_its_own_check(environment, running_demo) -> None:
    ports, process = running_demo
    for _ in range(2):
        done = check(environment, *ports)
        assert done.returncode == 0, done.stdout + done.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=15) == 0
    assert not (ROOT / "check.sqlite3").exists()


def test_who_is_linked_stays_so_over_a_restart(
    environment: dict[str, str], ports: list[str], tmp_path: Path
) -> None:
    with demo(environment, *ports):
        assert check(environment, *ports).returncode == 0
    assert (tmp_path / "demo.sandbox.json").exists()
    with demo(environment, *ports):
        renewed = subprocess.run(
            [sys.executable, "manage.py", "patreon_refresh_tokens", "--days", "60"],
            cwd=ROOT,
            env=environment | {"PATREON_BASE_URL": f"http://{HOST}:{ports[-1]}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    assert "4 renewed" in renewed.stdout  # those of the creator and of two guests, too


def test_the_check_says_when_the_sandbox_is_down(environment, running_demo) -> None:
    ports, _ = running_demo
    done = check(environment, ports[0], ports[1], "--sandbox-port", str(free_port()))
    assert done.returncode == 1
    assert "the sandbox does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_says_who_it_does_not_know(environment, running_demo) -> None:
    ports, _ = running_demo
    done = check(environment, *ports, "--as", "nobody")
    assert (done.returncode, "nobody called nobody" in done.stderr) == (1, True)


def test_a_taken_port_is_said_and_nothing_is_left_running(environment, running_demo) -> None:
    ports, _ = running_demo
    free = free_port()
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--port", ports[1], "--sandbox-port", str(free)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"Port {ports[1]} is taken" in done.stderr
    assert 'make demo ARGS="--port 8010 --sandbox-port 8011"' in done.stderr
    time.sleep(0.2)
    with pytest.raises(ConnectionRefusedError):
        _connect(free)


def _connect(port: int) -> None:
    socket.create_connection((HOST, port), timeout=1).close()
