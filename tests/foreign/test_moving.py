"""Moving from django-allauth: tests of their own, on a site that has its apps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_people_move_from_allauth_with_their_tokens() -> None:
    pytest.importorskip("allauth", reason="`make check` brings django-allauth")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--create-db"),
            *("--ds", "tests.foreign.from_allauth_settings"),
            "tests/foreign/from_allauth.py",
        ],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
