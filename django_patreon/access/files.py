"""PatronFileView: files that only patrons get, handed over by the web server where it can."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils._os import safe_join
from django.utils.decorators import classonlymethod
from django.utils.http import content_disposition_header
from django.views.generic.base import View

from .gates import PatronRequiredMixin

__all__ = ["PatronFileView"]


class PatronFileView(PatronRequiredMixin):
    """Serve the file `<path:path>` of the folder `root` to patrons.

        path("media/<path:path>", PatronFileView.as_view(
            root="/srv/private", patron_rule={"tier": "gold"}, accel="/protected/"))

    `root` must not lie under what the web server hands to everybody.
    """

    root: str | Path = ""
    accel: str = ""
    """nginx: the address of its `internal` location for `root`, such as "/protected/"."""
    x_sendfile: bool = False
    """Apache's mod_xsendfile, lighttpd: let the server send the file by its path."""
    as_attachment: bool = False

    @classonlymethod
    def as_view(cls, **given: Any) -> Any:
        """Raises `ImproperlyConfigured` where nobody has said which folder it is."""
        if cls.setup is View.setup:  # else it may be worked out for each request
            _ = _folder(given.get("root", cls.root))
        return super().as_view(**given)

    def get(self, request: HttpRequest, path: str | None = None, **kwargs: Any) -> HttpResponseBase:
        """Answer with the file. Raises `Http404` where there is none that we may read in `root`."""
        if path is None:
            raise ImproperlyConfigured(
                f"The URL of {type(self).__name__} must name the file: <path:path>."
            )
        root = _folder(self.root)  # once more: a class may work it out for each request
        try:
            return self._answer(Path(safe_join(root, path)))
        except (SuspiciousFileOperation, ValueError, OSError):
            raise Http404 from None  # such as a name that no file can have

    def _answer(self, found: Path) -> HttpResponseBase:
        base = Path(self.root).resolve()
        if not found.is_file() or not found.resolve().is_relative_to(base):
            raise Http404
        kind, encoding = mimetypes.guess_type(found.name)
        if not self.accel and not self.x_sendfile:
            return FileResponse(
                found.open("rb"), as_attachment=self.as_attachment, filename=found.name
            )
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


def _folder(root: Any) -> Any:
    """Return it if it is there: an empty one would mean wherever the process happens to be."""
    if not root or str(root) == ".":  # as `Path("")` is
        raise ImproperlyConfigured('PatronFileView needs its folder: root="/srv/private".')
    return root
