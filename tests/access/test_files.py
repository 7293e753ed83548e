"""A private file in parts, and what the browser may keep of it (RFC 9110, sections 13 to 15)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.http import http_date

from django_patreon.access import PatronFileView
from tests.dance import Dance
from tests.gates.urls import ROOT

URL = "/gates/song/"
SONG = bytes(range(256)) * 40
SIZE = len(SONG)


@pytest.fixture
def song(dance: Dance) -> Path:
    """A file of 10240 bytes; `dance` is signed in as somebody who may have it."""
    dance.sign_in("gold")
    file = ROOT / "song.mp3"
    file.write_bytes(SONG)
    return file


def fetch(dance: Dance, method: str = "get", **headers: str) -> Any:
    """Ask for the file, and read the answer to its end: it is then at `answer.body`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return read(getattr(dance.client, method)(URL, headers=headers))


def read(answer: Any) -> Any:
    answer.body = answer.getvalue() if answer.streaming else answer.content
    return answer


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-499", 0, 499),
        ("bytes=500-999", 500, 999),
        ("bytes=500-", 500, SIZE - 1),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=-500", SIZE - 500, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"bytes=10000-{SIZE * 9}", 10000, SIZE - 1),  # ends behind the file: up to its end
        (f"bytes=-{SIZE * 9}", 0, SIZE - 1),
        ("BYTES=5-6", 5, 6),  # names of units are not case-sensitive
        ("bytes= 5-6 ,", 5, 6),  # a list may have empty elements
    ],
)
def test_a_part_is_answered_with_206(
    dance: Dance, song: Path, asked: str, first: int, last: int
) -> None:
    answer = fetch(dance, Range=asked)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer["Content-Length"] == str(last - first + 1)
    assert answer["Content-Type"] == "audio/mpeg"
    assert answer.body == SONG[first : last + 1]


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes=6-5",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=--5",
        "bytes=\u0661-",
        "bytes=0-" + "9" * 5000,
        "items=0-5",
        "bytes=0-5,10-15",  # several parts: the whole file instead, as a server may do
    ],
)
def test_what_is_no_single_range_is_answered_whole(dance: Dance, song: Path, asked: str) -> None:
    answer = fetch(dance, Range=asked)
    assert (answer.status_code, answer.body) == (200, SONG)
    assert answer["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in answer


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 1}", "bytes=-0"])
def test_a_part_that_the_file_does_not_have_is_answered_with_416(
    dance: Dance, song: Path, asked: str
) -> None:
    answer = fetch(dance, Range=asked)
    assert (answer.status_code, answer.body) == (416, b"")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-5"])
def test_an_empty_file_has_no_parts_and_is_answered_whole(
    dance: Dance, song: Path, asked: str
) -> None:
    song.write_bytes(b"")
    answer = fetch(dance, Range=asked)
    assert (answer.status_code, answer.body) == (200, b"")


def test_head_says_what_get_would_without_a_range(dance: Dance, song: Path) -> None:
    answer = fetch(dance, "head", Range="bytes=0-5")
    assert (answer.status_code, answer["Content-Length"]) == (200, str(SIZE))
    assert answer["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in answer


def test_a_download_is_resumed_only_if_the_file_is_still_the_same(dance: Dance, song: Path) -> None:
    whole = fetch(dance)
    etag, date = whole["ETag"], whole["Last-Modified"]
    assert date == http_date(int(song.stat().st_mtime))
    for version in (etag, date):
        assert fetch(dance, Range="bytes=5-", If_Range=version).status_code == 206
    for other in (f"W/{etag}", '"another"', http_date(0), http_date(2**32), "nonsense", "*"):
        answer = fetch(dance, Range="bytes=5-", If_Range=other)
        assert (answer.status_code, answer.body) == (200, SONG)
    # A range that cannot be had is not an error in another version, either.
    assert fetch(dance, Range=f"bytes={SIZE}-", If_Range='"another"').status_code == 200
    song.write_bytes(SONG[::-1])
    answer = fetch(dance, Range="bytes=5-", If_Range=etag)
    assert (answer.status_code, answer.body) == (200, SONG[::-1])


def test_a_copy_that_is_still_good_is_not_sent_again(dance: Dance, song: Path) -> None:
    whole = fetch(dance)
    for header in ({"If_None_Match": whole["ETag"]}, {"If_Modified_Since": whole["Last-Modified"]}):
        answer = fetch(dance, Range="bytes=0-5", **header)
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer["ETag"] == whole["ETag"]
    assert fetch(dance, Range="bytes=0-5", If_Match='"another"').status_code == 412
    assert fetch(dance, Range="bytes=0-5", If_Match=whole["ETag"]).status_code == 206


def test_who_may_not_have_the_file_gets_no_part_of_it(song: Path, sandbox: Any) -> None:
    other = Dance(sandbox)
    other.sign_in("free")
    for headers in ({"Range": "bytes=0-5"}, {"Range": f"bytes={SIZE}-"}, {"If-None-Match": "*"}):
        answer = read(other.client.get(URL, headers=headers))
        assert answer.status_code == 403
        assert not {"ETag", "Accept-Ranges", "Content-Range"} & {*answer.headers}


def test_a_part_is_not_compressed_on_the_way(dance: Dance, song: Path, settings: Any) -> None:
    """Its positions are those of the file as it is."""
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    answer = fetch(dance, Range="bytes=0-4999", Accept_Encoding="gzip")
    assert answer.body == SONG[:5000]
    assert answer["Content-Length"] == "5000"


def test_a_server_that_sends_files_itself_sends_the_part_only(
    rf: Any, dance: Dance, song: Path
) -> None:
    """What `wsgi.file_wrapper` is given has no descriptor by which the whole file could be sent."""
    request = rf.get("/", headers={"Range": "bytes=5-9"})
    request.user = dance.user
    answer = PatronFileView.as_view(root=ROOT)(request, path="song.mp3")
    part = answer.file_to_stream
    assert not hasattr(part, "fileno")
    assert (part.read(2), part.read(), part.read(2)) == (SONG[5:7], SONG[7:10], b"")
    answer.close()


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_site_may_let_browsers_keep_a_file(
    dance: Dance, song: Path, settings: Any, seconds: int
) -> None:
    kept = f"/gates/song/kept-{seconds}/"
    for headers in ({}, {"Range": "bytes=0-5"}):
        answer = read(dance.client.get(kept, headers=headers))
        assert answer["Cache-Control"] == f"private, max-age={seconds}"
        assert "Cookie" in answer["Vary"]
    unchanged = read(dance.client.get(kept, headers={"If-None-Match": answer["ETag"]}))
    assert (unchanged.status_code, unchanged["Cache-Control"]) == (304, answer["Cache-Control"])
    out_of_it = read(dance.client.get(kept, headers={"Range": f"bytes={SIZE}-"}))
    assert out_of_it["Cache-Control"] == "private, no-store"
    assert fetch(dance)["Cache-Control"] == "private, no-store"
    dance.client.logout()
    assert read(dance.client.get(kept))["Cache-Control"] == "private, no-store"


def test_staff_who_look_as_a_patron_keep_no_copy(dance: Dance, song: Path) -> None:
    client = Client()
    client.force_login(
        get_user_model().objects.create_user("staff", is_staff=True),
        "django.contrib.auth.backends.ModelBackend",
    )
    assert read(client.get("/gates/song/kept-0/"))["Cache-Control"] == "private, max-age=0"
    client.post("/patreon/view-as/", {"tier": "9100003"})
    answer = read(client.get("/gates/song/kept-0/"))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
