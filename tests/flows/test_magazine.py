"""The example site's magazine, over HTTP: articles by row, a private podcast, another language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from example_project.processes import (
    HOST,
    free_port,
    prepare_database,
    running,
    start_connecting,
    start_sandbox,
    start_site,
)


class Reader:
    """Somebody with a browser."""

    def __init__(self, site: str, sandbox: str, slug: str = "") -> None:
        self.site, self.sandbox, self.slug = site, sandbox, slug
        self.session = requests.Session()
        self.session.trust_env = False
        if slug:
            self.get("/")
            question = self.post("/login/patreon/", next="/").url
            self.session.get(f"{question}&sandbox_user={slug}", timeout=15)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.site + path, headers=headers, timeout=15)

    def post(self, path: str, **form: str) -> requests.Response:
        form["csrfmiddlewaretoken"] = self.session.cookies["csrftoken"]
        return self.session.post(self.site + path, data=form, timeout=15)

    def act(self, action: str) -> None:
        """Do something at Patreon, and ask the site to look again."""
        told = {"user": self.slug, "do": action}
        answer = self.session.post(f"{self.sandbox}/_sandbox/members", json=told, timeout=15)
        assert answer.ok, answer.text
        assert self.post("/patreon/refresh/", next="/").ok


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    database = f"sqlite:///{tmp_path_factory.mktemp('magazine')}/site.sqlite3"
    prepare_database(database)
    sandbox_port, port = free_port(), free_port()
    with running(start_sandbox(sandbox_port)):
        site = start_site(port, sandbox_port=sandbox_port, quiet=True, DATABASE_URL=database)
        with running(site):
            connecting = start_connecting(port, sandbox_port=sandbox_port, DATABASE_URL=database)
            assert connecting.wait(timeout=60) == 0
            yield f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}"


ARTICLES = ("lamp-oil", "night-shift", "the-map")


@pytest.mark.parametrize(
    ("slug", "open_to_them"),
    [("bronze", ["lamp-oil", "night-shift"]), ("gold", [*ARTICLES]), ("stranger", ["lamp-oil"])],
)
def test_each_article_is_open_to_those_whom_its_row_names(
    programs: tuple[str, str], slug: str, open_to_them: list[str]
) -> None:
    reader = Reader(*programs, slug)
    answers = {each: reader.get(f"/magazine/{each}/") for each in ARTICLES}
    assert [each for each, page in answers.items() if page.status_code == 200] == open_to_them
    assert reader.get("/magazine/").text.count("Open to you.") == len(open_to_them)


def test_a_visitor_reads_what_is_free(programs: tuple[str, str]) -> None:
    visitor = Reader(*programs)
    assert "Eleven barrels" in visitor.get("/magazine/lamp-oil/").text
    assert "Nobody does." not in visitor.get("/magazine/night-shift/").text
    assert "private address for a podcast app" in visitor.get("/magazine/").text


def podcast_of(reader: Reader) -> str:
    found = re.search(r'href="http://[^/]+(/podcast/[^"]+)"', reader.get("/magazine/").text)
    return found[1] if found else ""


def test_a_podcast_address_works_without_a_session_and_ends_with_the_pledge(
    programs: tuple[str, str],
) -> None:
    silver, app = Reader(*programs, "silver"), Reader(*programs)
    silver.get("/magazine/")
    assert silver.post("/magazine/podcast/").ok
    address = podcast_of(silver)
    feed = app.get(address)
    assert feed.headers["Content-Type"] == "application/rss+xml"
    found = re.search(r'enclosure url="http://[^/]+(/[^"]+)"', feed.text)
    assert found is not None
    part = app.get(found[1], Range="bytes=0-3")
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert "no-store" in part.headers["Cache-Control"]
    assert app.get(address + "../../settings.py").status_code == 404
    stranger = Reader(*programs, "stranger")
    assert stranger.get(found[1]).status_code == 200  # the address says who asks, not the session
    silver.act("refund")
    gold = Reader(*programs, "gold")
    assert gold.get(found[1]).status_code == 403
    assert app.get(address).status_code == 403
    assert app.get(found[1]).status_code == 403
    assert podcast_of(silver) == ""


def test_a_new_podcast_address_ends_the_old_one(programs: tuple[str, str]) -> None:
    gold, app = Reader(*programs, "gold"), Reader(*programs)
    gold.get("/magazine/")
    gold.post("/magazine/podcast/")
    old = podcast_of(gold)
    gold.post("/magazine/podcast/")
    assert app.get(old).status_code == 404
    assert app.get(podcast_of(gold)).status_code == 200


def test_patreons_pages_speak_the_language_that_was_chosen(programs: tuple[str, str]) -> None:
    gold = Reader(*programs, "gold")
    gold.get("/magazine/")
    gold.post("/i18n/setlang/", language="de", next="/")
    assert '<html lang="de">' in gold.get("/patreon/account/").text
    assert '<html lang="en">' in gold.get("/magazine/").text
