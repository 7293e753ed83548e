"""The pieces of HTML that the control room is made of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from .things import stamp

__all__ = ["entry", "escaped", "form", "minute", "section", "select", "table"]


def escaped(value: object) -> str:
    return html.escape(str(value), quote=True)


def section(name: str, title: str, content: str) -> str:
    heading = f"<h2 id={name}-h>{title}</h2>"
    return f"<section id={name} aria-labelledby={name}-h>{heading}{content}</section>"


def form(switch: str, content: str) -> str:
    hidden = f'<input type=hidden name=switch value="{escaped(switch)}">'
    return f'<form method=post action="/">{hidden}{content}</form>'


def select(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> str:
    listed = "".join(
        f'<option value="{escaped(value)}"{" selected" if value == chosen else ""}>'
        f"{escaped(text)}</option>"
        for value, text in options
    )
    # Without the aria-label every option would be part of the name that is read out.
    box = f'<select name={name} aria-label="{escaped(label)}">{listed}</select>'
    return f"<label>{escaped(label)} {box}</label> "


def entry(label: str, name: str, kind: str = "text", **more: str) -> str:
    extra = "".join(f' {key}="{escaped(value)}"' for key, value in more.items())
    return f"<label>{escaped(label)} <input type={kind} name={name}{extra}></label> "


def table(caption: str, heads: Sequence[str], rows: Iterable[Iterable[str]], none: str) -> str:
    # On a telephone a row is a list of its cells: the roles keep it a table to whoever listens.
    body = "".join(
        "<tr role=row>"
        + "".join(
            f'<td role=cell data-head="{escaped(head)}"><div>{cell}</div></td>'
            for head, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return f"<p>{escaped(none)}</p>"
    head = "".join(f"<th role=columnheader scope=col>{escaped(each)}</th>" for each in heads)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{escaped(caption)}">'
        f"<table role=table><caption>{escaped(caption)}</caption>"
        f"<thead role=rowgroup><tr role=row>{head}</tr></thead>"
        f"<tbody role=rowgroup>{body}</tbody></table></div>"
    )


def minute(moment: Any) -> str:
    return escaped((stamp(moment) or "").replace("T", " ")[:16])
