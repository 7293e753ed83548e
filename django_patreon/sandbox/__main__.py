"""`python -m django_patreon.sandbox`: serve a pretend Patreon until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from .app import Sandbox
from .files.scenario import Scenario, read_scenario
from .oauth.tokens import CLIENT_ID, CLIENT_SECRET


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit code: 1 if it cannot start, or not save."""
    given = _parser().parse_args(arguments)
    try:
        sandbox = _sandbox(given)
    except (OSError, ValueError) as error:
        print(f"The sandbox does not start. {error}", file=sys.stderr)
        return 1
    try:
        server = sandbox.serve(port=given.port, host=given.host, url=given.url)
    except (OSError, OverflowError) as error:
        print(
            f"Cannot listen on {given.host}:{given.port}: {getattr(error, 'strerror', error)}."
            " Choose another with --port.",
            file=sys.stderr,
        )
        return 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        print(_welcome(sandbox), flush=True)
        stop.wait()
    return 0 if sandbox.try_to_save() else 1


def _sandbox(given: argparse.Namespace) -> Sandbox:
    """Return the sandbox of these arguments. Raises `ValueError` and `OSError`."""
    if given.url and (not _is_address(given.url) or urlsplit(given.url).path.strip("/")):
        raise ValueError("--url must be an address without a path, such as http://sandbox:8001.")
    for uri in given.redirect_uri:
        if not _is_address(uri):
            raise ValueError(
                f"--redirect-uri {uri} must be a whole address, such as"
                " https://site.example/complete/patreon/."
            )
    scenario = Scenario()
    if given.scenario:
        try:
            scenario = read_scenario(given.scenario.read_text())
        except ValueError as error:
            raise ValueError(f"{given.scenario}, {error}") from error
    if given.members is not None:
        scenario.crowd = given.members
    return Sandbox(
        rate_limit=not given.no_rate_limit,
        scenario=scenario,
        state=given.state,
        hooks_anywhere=given.hooks_anywhere,
        redirect_uris=given.redirect_uri,
    )


def _is_address(text: str) -> bool:
    """Is this an absolute URL of http or https, without a fragment?"""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "#" not in text
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m django_patreon.sandbox",
        description="A pretend Patreon: OAuth pages and API v2, without an account or a network.",
    )
    parser.add_argument(
        "--port", type=int, default=8001, help="8001 unless told; 0 for any that is free"
    )
    parser.add_argument("--host", default="127.0.0.1", help="this machine only unless told")
    parser.add_argument(
        "--url",
        default="",
        metavar="URL",
        help="what links begin with, if others reach the sandbox at another address",
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="a redirect URI besides those on localhost; may be given more than once",
    )
    parser.add_argument(
        "--no-rate-limit", action="store_true", help="answer however many requests come"
    )
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="tiers, members, settings and faults as JSON"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep everything there, and begin with it"
    )
    parser.add_argument(
        "--members", type=int, metavar="N", help="that many generated members besides the others"
    )
    parser.add_argument(
        "--hooks-anywhere",
        action="store_true",
        help="send webhooks to any address, not only to this machine and its own networks",
    )
    return parser


def _welcome(sandbox: Sandbox) -> str:
    people = ", ".join(each.slug for each in sandbox.world.people.values())
    back = "http://localhost:8000/complete/patreon/"
    return (
        f"A pretend Patreon is at {sandbox.url}\n"
        f"  client  {CLIENT_ID}\n"
        f"  secret  {CLIENT_SECRET}\n"
        f"  people  {people}\n"
        f"  room    {sandbox.url}/ to see and change all of it\n"
        f"  try     curl -si '{sandbox.url}/oauth2/authorize?response_type=code"
        f"&client_id={CLIENT_ID}&redirect_uri={back}&scope=identity&state=x&sandbox_user=gold'\n"
        "Ctrl-C ends it."
    )


if __name__ == "__main__":
    sys.exit(main())
