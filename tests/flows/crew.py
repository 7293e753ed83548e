"""Worker processes on the test's database, who all want a token in the same moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.db import connection

from django_patreon.models import PatreonAccount

ROOT = Path(__file__).parent.parent.parent


class Crew:
    """Worker processes, ready at the starting line."""

    def __init__(self, patreon: str, account: PatreonAccount, size: int = 1) -> None:
        database = connection.settings_dict["NAME"]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
            "WORKER_DATABASE": str(database),
            "WORKER_PATREON": patreon,
        }
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.flows.worker", str(account.pk)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(size)
        ]
        self.look()

    def look(self) -> None:
        """Let each load the account as it is now."""
        self.say("look")
        assert self.hear() == ["ready"] * len(self.processes)

    def begin(self) -> None:
        """Start them all at once."""
        self.say("go")

    def say(self, word: str) -> None:
        for each in self.processes:
            assert each.stdin is not None
            each.stdin.write(f"{word}\n")
            each.stdin.flush()

    def hear(self) -> list[str]:
        """Return what each says next; after `begin`, the token that it found."""
        return [each.stdout.readline().strip() for each in self.processes if each.stdout]

    def stop(self) -> None:
        """Let them do nothing from now on, in the middle of whatever they do."""
        for each in self.processes:
            each.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        for each in self.processes:
            each.kill()
            each.communicate()
