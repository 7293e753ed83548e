"""Range requests (RFC 9110, section 14): which part of a file is wanted, and that part as a file.

Browsers ask for parts when somebody seeks in a video or resumes a download.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from django.utils.http import parse_http_date_safe

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["FilePart", "requested_range"]

_BOUNDS = re.compile(r"([0-9]{0,30})-([0-9]{0,30})")


def requested_range(
    request: HttpRequest, *, size: int, etag: str, last_modified: int
) -> range | None:
    """Return the positions of the bytes that the request asks for; None for the whole file.

    An empty range means that the file has none of these bytes: the answer is 416. The whole file is
    the answer to a request that is not a GET, to a Range header that is not valid, to one with
    several ranges (a server may do so), and to an If-Range header that names another version.
    """
    unit, _, listed = request.headers.get("Range", "").partition("=")
    if request.method != "GET" or unit.lower() != "bytes" or size == 0:
        return None
    ranges = [each for text in listed.split(",") if (each := text.strip(" \t"))]
    bounds = _BOUNDS.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if bounds is None or not _is_same_version(request, etag, last_modified):
        return None
    first, last = bounds.groups()
    if first and last:
        found = range(int(first), min(int(last) + 1, size))
        return found if int(first) <= int(last) else None
    if first:
        return range(int(first), size)
    return range(max(size - int(last), 0), size) if last else None


def _is_same_version(request: HttpRequest, etag: str, last_modified: int) -> bool:
    """Return True if there is no If-Range header, or it names the present version.

    False for a weak entity tag: the parts could be of two different files.
    """
    named = request.headers.get("If-Range")
    return named is None or named == etag or parse_http_date_safe(named) == last_modified


class FilePart:
    """The part of an open file at these positions, to be read once from its start."""

    def __init__(self, file: IO[bytes], positions: range) -> None:
        file.seek(positions.start)
        self._file = file
        self._left = len(positions)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size` of them; none at the end of the part."""
        found = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(found)
        return found

    def close(self) -> None:
        self._file.close()
