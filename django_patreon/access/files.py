"""PatronFileView: files for patrons only, sent by the web server where it can."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils._os import safe_join
from django.utils.cache import get_conditional_response
from django.utils.decorators import classonlymethod
from django.utils.http import content_disposition_header, http_date
from django.views.generic.base import View

from .gates import PatronRequiredMixin, let_browser_keep
from .patron import patron_of
from .ranges import FilePart, requested_range

__all__ = ["PatronFileView"]


class PatronFileView(PatronRequiredMixin):
    """Serve the file `<path:path>` of the folder `root` to patrons.

        path("media/<path:path>", PatronFileView.as_view(
            root="/srv/private", patron_rule={"tier": "gold"}, accel="/protected/"))

    `root` must not lie under what the web server hands to everybody. Without `accel` and
    `x_sendfile` Django sends the file, with range requests and conditional requests.
    """

    root: str | Path = ""
    accel: str = ""
    """nginx: the address of its `internal` location for `root`, such as "/protected/"."""
    x_sendfile: bool = False
    """Apache's mod_xsendfile, lighttpd: let the server send the file by its path."""
    as_attachment: bool = False
    max_age: int | None = None
    """Seconds for which the visitor's browser may use its copy without asking (`private`,
    `max-age`). With 0 it keeps a copy, and asks each time whether the visitor may still have it.
    None: it keeps no copy (`private, no-store`)."""

    @classonlymethod
    def as_view(cls, **given: Any) -> Any:
        """Raises `ImproperlyConfigured` if no folder is named."""
        if cls.setup is View.setup:  # otherwise each request may have a folder of its own
            _ = _folder(given.get("root", cls.root))
        return super().as_view(**given)

    def get(self, request: HttpRequest, path: str | None = None, **kwargs: Any) -> HttpResponseBase:
        """Answer with the file. Raises `Http404` if `root` has no such file to read."""
        if path is None:
            raise ImproperlyConfigured(
                f"The URL of {type(self).__name__} must name the file: <path:path>."
            )
        root = _folder(self.root)  # again: a class may set it for each request
        try:
            response = self._answer(Path(safe_join(root, path)))
        except (SuspiciousFileOperation, ValueError, OSError):
            raise Http404 from None  # such as a name that no file can have
        # Staff who look at the site as a patron keep no copy: they could still use it afterwards.
        is_kept = self.max_age is not None and response.status_code in (200, 206, 304)
        if is_kept and patron_of(request).view_as is None:
            let_browser_keep(response, seconds=self.max_age or 0)
        return response

    def _answer(self, found: Path) -> HttpResponseBase:
        base = Path(self.root).resolve()
        if not found.is_file() or not found.resolve().is_relative_to(base):
            raise Http404
        if not self.accel and not self.x_sendfile:
            file = found.open("rb")
            try:
                response = self._sent_by_us(file, found.name)
            except BaseException:
                file.close()
                raise
            if not isinstance(response, FileResponse):
                file.close()
            return response
        kind, encoding = mimetypes.guess_type(found.name)
        response = HttpResponse(
            content_type="application/octet-stream" if encoding or not kind else kind
        )
        header = content_disposition_header(self.as_attachment, found.name)
        if header is not None:
            response.headers["Content-Disposition"] = header
        if self.accel:
            inside = found.resolve().relative_to(base).as_posix()
            response.headers["X-Accel-Redirect"] = f"{self.accel.rstrip('/')}/{quote(inside)}"
        else:
            response.headers["X-Sendfile"] = quote(str(found.resolve()))
        return response

    def _sent_by_us(self, file: IO[bytes], name: str) -> HttpResponseBase:
        """Return the whole file, the part that is asked for (206), or why there is none of it: the
        browser has this version (304), another was asked for (412), it has no such part (416)."""
        status = os.fstat(file.fileno())
        size, modified = status.st_size, int(status.st_mtime)
        etag = f'"{status.st_mtime_ns:x}-{size:x}"'
        wanted = requested_range(self.request, size=size, etag=etag, last_modified=modified)
        unchanged = get_conditional_response(self.request, etag=etag, last_modified=modified)
        response: HttpResponseBase
        if unchanged is not None:
            response = unchanged
        elif wanted is None:
            response = self._file(file, name)
        elif not wanted:
            response = HttpResponse(status=416)
            response.headers["Content-Range"] = f"bytes */{size}"
        else:
            response = self._file(cast("IO[bytes]", FilePart(file, wanted)), name, status=206)
            response.headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[-1]}/{size}"
            response.headers["Content-Length"] = str(len(wanted))
            # Otherwise Django's GZipMiddleware compresses the part, and then it is no longer what
            # Content-Range says.
            response.headers["Content-Encoding"] = "identity"
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["ETag"] = etag
        response.headers["Last-Modified"] = http_date(modified)
        return response

    def _file(self, file: IO[bytes], name: str, status: int = 200) -> FileResponse:
        return FileResponse(file, as_attachment=self.as_attachment, filename=name, status=status)


def _folder(root: Any) -> Any:
    """Return the folder. Raises `ImproperlyConfigured` for an empty one, which would mean the
    folder that the process was started in."""
    if not root or str(root) == ".":  # as `Path("")` is
        raise ImproperlyConfigured('PatronFileView needs its folder: root="/srv/private".')
    return root
