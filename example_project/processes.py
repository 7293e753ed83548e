"""The two programs of the demo: the site, and the pretend Patreon."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

__all__ = [
    "HOST",
    "ProcessError",
    "answers",
    "free_port",
    "prepare_database",
    "require_free",
    "running",
    "start_connecting",
    "start_sandbox",
    "start_site",
]

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 20.0
"""Seconds that a program may take to begin answering."""


class ProcessError(Exception):
    """A program did not start or did not stay; the message says which and what to do."""


def answers(url: str) -> bool:
    """Does anything listen there?"""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((parts.hostname or HOST, parts.port or 80)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def require_free(name: str, port: int) -> None:
    """Raise `ProcessError` if something listens on a port that one of the programs needs."""
    if answers(f"http://{HOST}:{port}"):
        raise ProcessError(
            f"Port {port} is taken, and {name} needs it. Stop what runs there, or choose others:"
            ' make demo ARGS="--port 8010 --sandbox-port 8011"'
        )


def start_sandbox(port: int, *, state: Path | None = None) -> subprocess.Popen[bytes]:
    """Start the pretend Patreon and wait until it answers. `state` is what it goes on from."""
    command = [sys.executable, "-m", "django_patreon.sandbox", "--port", str(port)]
    if state is not None:
        command += ["--state", str(state)]
    return _start("the sandbox", port, command, os.environ)


def start_site(
    port: int, *, sandbox_port: int, quiet: bool = False, **environment: str
) -> subprocess.Popen[bytes]:
    """Start the site, told where the pretend Patreon is, and wait until it answers.

    `quiet` leaves out its line for each request.
    """
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"{HOST}:{port}"]
    patreon = {"PATREON_BASE_URL": f"http://{HOST}:{sandbox_port}"}
    log = {"DEMO_LOG_LEVEL": "ERROR"} if quiet else {}
    return _start("the site", port, command, {**_environment(), **patreon, **log, **environment})


def _environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "example_project.settings"}


def prepare_database(url: str) -> None:
    """Let a process of its own migrate that database and make the operator."""
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--prepare"],
        cwd=ROOT,
        env={**_environment(), "DATABASE_URL": url},
        check=False,
    )
    if done.returncode != 0:
        raise ProcessError("The database could not be made ready.")


def start_connecting(
    port: int, *, sandbox_port: int, **environment: str
) -> subprocess.Popen[bytes]:
    """Connect the campaign and read its members, in a process of its own."""
    words = ["--connect", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    patreon = {"PATREON_BASE_URL": f"http://{HOST}:{sandbox_port}"}
    return subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, "manage.py", "demo", *words],
        cwd=ROOT,
        env={**_environment(), **patreon, **environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _start(
    name: str, port: int, command: list[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    require_free(name, port)
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(  # noqa: S603  (our own two programs)
        command,
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us, who then stop them in order
    )
    deadline = time.monotonic() + PATIENCE
    while not answers(url):
        if process.poll() is not None:
            raise ProcessError(f"{name} ended at once, with exit code {process.returncode}.")
        if time.monotonic() > deadline:
            process.kill()
            raise ProcessError(f"{name} did not answer on port {port} in {PATIENCE:.0f} seconds.")
        time.sleep(0.05)
    return process


@contextmanager
def running(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop the programs at the end, however it comes."""
    try:
        yield
    finally:
        for each in processes:
            each.send_signal(signal.SIGTERM)
        for each in processes:
            try:
                each.wait(timeout=5)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
