"""The sandbox's control room, used by a person with a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from django_patreon.sandbox import Sandbox


@pytest.fixture
def room() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    with sandbox.serve():
        yield sandbox


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    """A site that hears webhooks: its address, and the events that came."""
    events: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            events.append(self.headers["X-Patreon-Event"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", events
    server.shutdown()
    server.server_close()
    thread.join()


def decline_gold(page: Page, url: str, hook: str) -> None:
    page.goto(url)
    hooks = page.locator("#hooks")
    hooks.get_by_label("Address").fill(hook)
    hooks.get_by_role("button", name="Make one on the portal").click()
    expect(page.get_by_role("status")).to_contain_text("Done: hooks")
    members = page.locator("#members")
    members.get_by_label("Let", exact=True).select_option("gold")
    members.get_by_label("do this:").select_option("decline")
    members.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("status")).to_contain_text("gold decline")


def test_a_patron_is_declined_and_the_webhook_arrives(
    page: Page, room: Sandbox, heard: tuple[str, list[str]], shoot: Any
) -> None:
    address, events = heard
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    decline_gold(page, room.url, address)
    row = page.locator("#members tr", has_text="Alma Reyes")
    expect(row).to_contain_text("declined_patron")
    delivery = page.locator("#deliveries tbody tr").first
    expect(delivery).to_contain_text("members:update")  # comes by itself
    expect(delivery).to_contain_text("200")
    assert events == ["members:update"]
    delivery.locator("summary").click()
    expect(delivery).to_contain_text("currently_entitled_amount_cents")
    shoot("room")
    page.locator("#clock").get_by_role("button", name="31 days").click()
    expect(page.get_by_role("status")).to_contain_text("Done: clock")
    expect(row).to_contain_text("none")
    assert problems == []


def test_the_room_works_without_javascript(
    browser: Browser, room: Sandbox, heard: tuple[str, list[str]]
) -> None:
    address, events = heard
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        decline_gold(page, room.url, address)
        assert room.sender.send_all(seconds=5)
        page.reload()
        expect(page.locator("#deliveries tbody tr").first).to_contain_text("200")
        assert events == ["members:update"]
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_room_is_accessible(page: Page, room: Sandbox, scheme: Any, shoot: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(room.url)
    page.locator("#settings summary").click()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.set_viewport_size({"width": 375, "height": 800})
    shoot(f"room-{scheme}")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 375


def test_no_table_is_cut_off_on_a_telephone(
    page: Page, room: Sandbox, heard: tuple[str, list[str]], shoot: Any
) -> None:
    address, _ = heard
    page.set_viewport_size({"width": 390, "height": 800})
    decline_gold(page, room.url, f"{address}a-path-that-has-no-end-and-no-place-to-break-it-either")
    expect(page.locator("#deliveries tbody tr").first).to_contain_text("200")
    tables = page.locator(".scroll")
    assert tables.count() >= 3
    for table in tables.all():
        assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    shoot("room-telephone")


def test_tokens_are_ended_by_either_button(page: Page, room: Sandbox) -> None:
    person = room.world.person_called("gold")
    assert person is not None
    pair = room.tokens.issue_pair(person.id, frozenset({"identity"}))
    page.goto(room.url)
    form = page.locator("#requests form")
    form.get_by_label("Tokens of").select_option("gold")
    form.get_by_role("button", name="Expire access tokens").click()
    expect(page.get_by_role("status")).to_contain_text("Done: tokens/expire gold")
    assert (pair.access_alive, pair.refresh_alive) == (False, True)
    form.get_by_label("Tokens of").select_option("gold")
    form.get_by_role("button", name="Kill all tokens").click()
    expect(page.get_by_role("status")).to_contain_text("Done: tokens/kill gold")
    assert not pair.refresh_alive
