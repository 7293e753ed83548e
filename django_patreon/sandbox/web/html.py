"""Web pages, and the pieces of HTML that they are made of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.models import Person

from .messages import Response

__all__ = [
    "escape",
    "form",
    "minute",
    "page",
    "person_buttons",
    "section",
    "select",
    "table",
    "text_input",
]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'"
_STYLE = (Path(__file__).parent / "sandbox.css").read_text()


def escape(value: object) -> str:
    """Return a value as text that is safe in HTML and in quoted attributes."""
    return html.escape(str(value), quote=True)


def page(content: str, *, title: str, status: int = 200, wide: bool = False) -> Response:
    """Return a web page. `content` must be safe HTML; `title` is escaped here."""
    text = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        "<header class=pretend>Sandbox: a pretend Patreon. This is not patreon.com.</header>"
        f"<main{' class=wide' if wide else ''}>{content}</main></body></html>"
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _POLICY),
        ("X-Frame-Options", "DENY"),
    ]
    # A request may have sent half of a surrogate pair, which UTF-8 cannot encode.
    return Response(status=status, headers=headers, body=text.encode("utf-8", "replace"))


def section(name: str, title: str, content: str) -> str:
    """Return a section with a heading."""
    heading = f"<h2 id={name}-h>{title}</h2>"
    return f"<section id={name} aria-labelledby={name}-h>{heading}{content}</section>"


def form(control: str, content: str) -> str:
    """Return a form that calls this control of the control room."""
    hidden = f'<input type=hidden name=control value="{escape(control)}">'
    return f'<form method=post action="/">{hidden}{content}</form>'


def select(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> str:
    """Return a labelled select. `options` are pairs of value and text."""
    listed = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(text)}</option>"
        for value, text in options
    )
    # Without the aria-label, screen readers read every option as part of the name.
    box = f'<select name={name} aria-label="{escape(label)}">{listed}</select>'
    return f"<label>{escape(label)} {box}</label> "


def text_input(label: str, name: str, kind: str = "text", **attributes: str) -> str:
    """Return a labelled input of this type, with more attributes."""
    more = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<label>{escape(label)} <input type={kind} name={name}{more}></label> "


def table(caption: str, heads: Sequence[str], rows: Iterable[Iterable[str]], empty: str) -> str:
    """Return a table of safe HTML cells; the text `empty` if there are no rows."""
    # On a narrow screen CSS turns rows into lists. The roles keep it a table for screen readers.
    body = "".join(
        "<tr role=row>"
        + "".join(
            f'<td role=cell data-head="{escape(head)}"><div>{cell}</div></td>'
            for head, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return f"<p>{escape(empty)}</p>"
    head = "".join(f"<th role=columnheader scope=col>{escape(each)}</th>" for each in heads)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{escape(caption)}">'
        f"<table role=table><caption>{escape(caption)}</caption>"
        f"<thead role=rowgroup><tr role=row>{head}</tr></thead>"
        f"<tbody role=rowgroup>{body}</tbody></table></div>"
    )


def person_buttons(people: Iterable[tuple[Person, str]], *, focused: Person | None = None) -> str:
    """Return a list of buttons, one for each person and the note about them.

    Each sends the form that it is in, with `user` set to the slug.
    """
    buttons = "".join(
        f'<li><button name=user value="{escape(person.slug)}"'
        f"{' autofocus' if person is focused else ''}>"
        f"<strong>{escape(person.slug)}</strong>{escape(person.full_name)}"
        f"<small>{escape(note)}</small></button></li>"
        for person, note in people
    )
    return f"<ul class=people>{buttons}</ul>"


def minute(moment: datetime | None) -> str:
    """Return a time to the minute; empty for None."""
    return escape((format_time(moment) or "").replace("T", " ")[:16])
