"""The flows once more, on the databases that sites really use: with TEST_DATABASES=1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PORTS = {
    "postgres": int(os.environ.get("PGPORT", "5432")),
    "mariadb": int(os.environ.get("MYSQL_TCP_PORT", "3306")),
}
AGAIN = [
    "tests/flows/test_dance.py",
    "tests/flows/test_token_commands.py",
    "tests/flows/test_tokens.py",
    "tests/test_access.py",
    "tests/test_account.py",
    "tests/test_fields.py",
    "tests/test_grants.py",
    "tests/test_interrupted_tokens.py",
    "tests/test_leaks.py",
    "tests/test_limits.py",
    "tests/test_many_creators.py",
    "tests/test_pipeline.py",
    "tests/test_prepared.py",
    "tests/test_read_only.py",
    "tests/test_sign_in.py",
    "tests/test_sync.py",
    "tests/test_takeover.py",
    "tests/test_what_is_held.py",
]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not os.environ.get("TEST_DATABASES"), reason="TEST_DATABASES=1 asks for it")
@pytest.mark.parametrize("database", PORTS)
def test_the_flows_pass_on(database: str) -> None:
    assert answers(PORTS[database]), f"{database} does not answer on 127.0.0.1:{PORTS[database]}"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--create-db", *AGAIN],
        cwd=ROOT,
        env=os.environ | {"TEST_DB": database},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
