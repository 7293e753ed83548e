from __future__ import annotations

import signal
import tempfile
import threading
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from django_patreon import tasks
from django_patreon.exceptions import PatreonError
from django_patreon.models import Campaign
from django_patreon.webhooks import hooks
from example_project.processes import (
    HOST,
    ProcessError,
    answers,
    free_port,
    prepare_database,
    require_free,
    running,
    start_connecting,
    start_sandbox,
    start_site,
)
from example_project.rehearsal import (
    ADMIN,
    MEMBERS,
    StepError,
    connect_campaign,
    fill_campaign,
    rehearse,
)
from example_project.seed import seed


class Command(BaseCommand):
    help = "Run the example site together with a pretend Patreon; --check tries the whole dance."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the site (8000)")
        parser.add_argument("--sandbox-port", type=int, default=8001, help="of Patreon (8001)")
        parser.add_argument(
            "--check",
            action="store_true",
            help="sign somebody in without a browser, say each step, exit 1 if one fails; starts"
            " both programs for it when neither is running",
        )
        parser.add_argument("--as", dest="slug", default="gold", help="who signs in (gold)")
        parser.add_argument(
            "--connect",
            action="store_true",
            help="only connect the campaign, register a webhook and read the members",
        )
        parser.add_argument("--prepare", action="store_true", help="only make the database ready")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            if given["prepare"]:
                self._prepare()
            elif given["connect"]:
                self._connect(given["port"], given["sandbox_port"])
            elif given["check"]:
                self._check(given["port"], given["sandbox_port"], given["slug"])
            else:
                self._run(given["port"], given["sandbox_port"])
        except (ProcessError, StepError, PatreonError) as error:
            raise CommandError(str(error)) from None

    def _prepare(self) -> None:
        call_command("migrate", verbosity=0)
        if not User.objects.filter(username=ADMIN[0]).exists():
            User.objects.create_superuser(ADMIN[0], password=ADMIN[1])
        seed()

    def _connect(self, port: int, sandbox_port: int) -> None:
        site, sandbox = (f"http://{HOST}:{each}" for each in (port, sandbox_port))
        campaigns = Campaign.objects.filter(is_ours=True)
        if not campaigns.filter(synced_at__isnull=False).exists():
            fill_campaign(sandbox)
        connect_campaign(site, sandbox, admin=ADMIN)
        for campaign in campaigns.select_related("creator"):
            hooks.register(campaign, site)
            tasks.sync_campaign.call(campaign.patreon_id)
        seed()  # once more: its tiers are known now

    def _run(self, port: int, sandbox_port: int) -> None:
        # Before the database is touched, which another demo may be writing to.
        require_free("the sandbox", sandbox_port)
        require_free("the site", port)
        self._prepare()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with ExitStack() as stack:
            sandbox = start_sandbox(sandbox_port, state=settings.DEMO_STATE)
            stack.enter_context(running(sandbox))
            site = start_site(port, sandbox_port=sandbox_port)
            stack.enter_context(running(site))
            stack.enter_context(running(start_connecting(port, sandbox_port=sandbox_port)))
            self.stdout.write(
                f"The site is at       http://{HOST}:{port}\n"
                f"Patreon, pretended:  http://{HOST}:{sandbox_port}  (its control room)\n"
                f"The admin is at      http://{HOST}:{port}/admin/"
                f"  (user {ADMIN[0]}, password {ADMIN[1]})\n"
                f"{MEMBERS} members are being read in the background: see the sync runs there.\n"
                "Open the site, press “Continue with Patreon”, choose who you are."
                " Ctrl-C ends both.",
            )
            self.stdout.flush()
            while not stop.wait(0.5):
                for name, process in (("The sandbox", sandbox), ("The site", site)):
                    if process.poll() is not None:
                        raise ProcessError(f"{name} has ended by itself.")

    def _check(self, port: int, sandbox_port: int, slug: str) -> None:
        site, sandbox = (f"http://{HOST}:{each}" for each in (port, sandbox_port))
        with ExitStack() as stack:
            if not answers(site) and not answers(sandbox):
                self.stdout.write("Neither program is running: starting both for this check.")
                site, sandbox = self._start_both(stack)
            started = time.monotonic()
            for step in rehearse(site, sandbox, slug=slug, admin=ADMIN):
                self.stdout.write(f"  ok  {step}")
            seconds = time.monotonic() - started
            self.stdout.write(self.style.SUCCESS(f"The whole dance works ({seconds:.1f} s)."))

    def _start_both(self, stack: ExitStack) -> tuple[str, str]:
        """Start both on free ports, with a database that is thrown away."""
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = f"sqlite:///{folder}/check.sqlite3"
        port, sandbox_port = free_port(), free_port()
        stack.enter_context(running(start_sandbox(sandbox_port)))
        prepare_database(database)
        site = start_site(port, sandbox_port=sandbox_port, quiet=True, DATABASE_URL=database)
        stack.enter_context(running(site))
        connecting = start_connecting(port, sandbox_port=sandbox_port, DATABASE_URL=database)
        stack.enter_context(running(connecting))
        return f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}"
