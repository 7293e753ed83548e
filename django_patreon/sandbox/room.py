"""The control room at `/`: the same switches as a page, for people. Works without JavaScript."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .actions import ACTIONS
from .control import change
from .faults import FAULTS
from .hooks import TRIGGERS
from .http import Request, Response, came_from_here, edge_refusal, page
from .oauth import CLIENT_ID, CLIENT_SECRET
from .people import HOME
from .things import Member, stamp

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["answer_room"]

_SCRIPT = (Path(__file__).parent / "room.js").read_bytes()
_SHOWN = 60
# Forms of the page: the switch each moves, and which of its fields are numbers or lists.
_SWITCHES: dict[str, dict[str, Callable[[str], Any]]] = {
    "members": {"days": int, "cadence": int},
    "people": {},
    "crowd": {"members": int},
    "clock": {"advance": float},
    "faults": {"times": int, "share": float, "seconds": float},
    "tokens/expire": {},
    "tokens/kill": {},
    "hooks": {},
    "hooks/test": {},
    "deliveries/again": {},
    "posts": {},
    "settings": {},
    "reset": {},
}


def answer_room(sandbox: Sandbox, request: Request) -> Response:
    """Show the room, or do what one of its forms says and show it again."""
    if request.method in ("GET", "HEAD"):
        if dict(request.query).get("script"):
            headers = [("Content-Type", "text/javascript"), ("Cache-Control", "no-store")]
            return Response(status=200, headers=headers, body=_SCRIPT)
        return _page(sandbox)
    if request.method != "POST":
        return edge_refusal(405, "The control room is looked at, and its forms are sent.")
    if not came_from_here(request):
        return edge_refusal(403, "Only the control room's own forms are taken here.")
    given: dict[str, Any] = {key: value for key, value in request.form if value != ""}
    name = given.pop("switch", "")
    if name not in _SWITCHES:
        return _back(sandbox, "There is no such switch.")
    try:
        for key, kind in _SWITCHES[name].items():
            if key in given:
                given[key] = kind(given[key])
        if name == "settings":
            given = _settings(sandbox, given)
        if name == "hooks":
            given["triggers"] = [value for key, value in request.form if key == "triggers"]
    except ValueError:
        return _back(sandbox, "That is no number.")
    return Response(status=200, later=lambda: _do(sandbox, name, given))


def _do(sandbox: Sandbox, name: str, given: dict[str, Any]) -> Response:
    # The clock waits for webhooks, which may ask the sandbox something: so it is not locked here.
    try:
        if name == "clock":
            change(sandbox, name, given)
        else:
            with sandbox.locked():
                change(sandbox, name, given)
    except ValueError as error:
        return _back(sandbox, f"Not done: {error}.")
    who, what = given.get("user", ""), given.get("do", "")
    return _back(sandbox, "Done: " + " ".join(each for each in (name, who, what) if each) + ".")


def _back(sandbox: Sandbox, words: str) -> Response:
    sandbox.notices.append(words)
    return Response(status=303, headers=[("Location", "/"), ("Content-Length", "0")])


def _settings(sandbox: Sandbox, given: dict[str, Any]) -> dict[str, Any]:
    """A form has words only: find the choice that each stands for."""
    found = {}
    for name, word in given.items():
        _, choices = sandbox.switches.choices().get(name, ("", ()))
        found[name] = next((each for each in choices if _word(each) == word), word)
    return found


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


# -- the page


def _page(sandbox: Sandbox) -> Response:
    notice = "".join(f"<p>{_e(sandbox.notices.popleft())}</p>" for _ in range(len(sandbox.notices)))
    sections = [
        _members(sandbox),
        _clock(sandbox),
        _hooks(sandbox),
        _deliveries(sandbox),
        _requests(sandbox),
        _faults(sandbox),
        _settings_section(sandbox),
        _reset(),
    ]
    content = (
        "<h1>Control room</h1>"
        f"<div role=status id=notice>{notice}</div>"
        f"<p>Point a client at <code>{_e(sandbox.url)}</code> in place of"
        " <code>https://www.patreon.com</code>: client"
        f" <code>{CLIENT_ID}</code>, secret <code>{CLIENT_SECRET}</code>, any redirect URI on"
        " localhost or 127.0.0.1. For scripts there is the same as JSON:"
        ' <a href="/_sandbox/">/_sandbox/</a>, <a href="/_sandbox/openapi.json">OpenAPI</a>.</p>'
        + "".join(sections)
        + '<script src="/?script=1" defer></script>'
    )
    return page(content, title="Control room of the sandbox", wide=True)


def _e(value: object) -> str:
    return html.escape(str(value), quote=True)


def _section(name: str, title: str, content: str) -> str:
    heading = f"<h2 id={name}-h>{title}</h2>"
    return f"<section id={name} aria-labelledby={name}-h>{heading}{content}</section>"


def _form(switch: str, content: str) -> str:
    hidden = f'<input type=hidden name=switch value="{_e(switch)}">'
    return f'<form method=post action="/">{hidden}{content}</form>'


def _select(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> str:
    listed = "".join(
        f'<option value="{_e(value)}"{" selected" if value == chosen else ""}>{_e(text)}</option>'
        for value, text in options
    )
    # Without the aria-label every option would be part of the name that is read out.
    box = f'<select name={name} aria-label="{_e(label)}">{listed}</select>'
    return f"<label>{_e(label)} {box}</label> "


def _input(label: str, name: str, kind: str = "text", **more: str) -> str:
    extra = "".join(f' {key}="{_e(value)}"' for key, value in more.items())
    return f"<label>{_e(label)} <input type={kind} name={name}{extra}></label> "


def _table(caption: str, heads: Sequence[str], rows: Iterable[Iterable[str]], none: str) -> str:
    # On a telephone a row is a list of its cells: the roles keep it a table to whoever listens.
    body = "".join(
        "<tr role=row>"
        + "".join(
            f'<td role=cell data-head="{_e(head)}"><div>{cell}</div></td>'
            for head, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return f"<p>{_e(none)}</p>"
    head = "".join(f"<th role=columnheader scope=col>{_e(each)}</th>" for each in heads)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{_e(caption)}"><table role=table>'
        f"<caption>{_e(caption)}</caption><thead role=rowgroup><tr role=row>{head}</tr></thead>"
        f"<tbody role=rowgroup>{body}</tbody></table></div>"
    )


def _time(moment: Any) -> str:
    return _e((stamp(moment) or "").replace("T", " ")[:16])


def _members(sandbox: Sandbox) -> str:
    world = sandbox.world
    roll = world.members_of(HOME)

    def row(member: Member) -> list[str]:
        person = world.person(member.user_id)
        tiers = ", ".join(world.tiers[key].title for key in member.tier_ids)
        then = member.ends and f"{member.ends} ends {_time(member.ends_at)}"
        return [
            f"<strong>{_e(person.slug if person else member.user_id)}</strong>"
            f"<br>{_e(person.full_name if person else '')}",
            _e(member.patron_status or "never paid"),
            _e(member.last_charge_status or "never charged"),
            _e(tiers or "none"),
            _e(f"{(member.currently_entitled_amount_cents or 0) / 100:.2f}"),
            then or _time(member.next_charge_date),
        ]

    table = _table(
        "Members of the first campaign",
        ("Who", "Status", "Last charge", "Tiers", "Entitled", "Next"),
        [row(each) for each in roll[:_SHOWN]],
        "Nobody yet.",
    )
    more = f"<p>{len(roll) - _SHOWN} more.</p>" if len(roll) > _SHOWN else ""
    people = [(each.slug, f"{each.slug} ({each.full_name})") for each in world.people.values()]
    tiers = [(each.id, each.title) for each in world.campaigns[HOME].tiers if each.amount_cents]
    act = _form(
        "members",
        _select("Let", "user", people)
        + _select(
            "do this:", "do", [(name, f"{name}: {says}") for name, (says, _) in ACTIONS.items()]
        )
        + _select("Tier", "tier", [("", "none"), *tiers])
        + _input("Days (gift, trial)", "days", "number", min="1", max="3650")
        + "<button>Do it</button>",
    )
    newcomer = _form(
        "people",
        _input("Slug", "slug", required="required")
        + _input("Name", "full_name")
        + "<button>Let somebody new come</button>",
    )
    crowd = _form(
        "crowd",
        _input(
            "How many", "members", "number", min="0", max="10000000", value=str(world.crowd.size)
        )
        + "<button>Generate members</button>",
    )
    return _section("members", "Members", act + table + more + newcomer + crowd)


def _clock(sandbox: Sandbox) -> str:
    steps = (("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("2678400", "31 days"))
    buttons = "".join(
        f'<button name=advance value="{seconds}">{words}</button> ' for seconds, words in steps
    )
    return _section(
        "clock",
        "Clock",
        f"<p>It is <strong>{_time(sandbox.world.clock.now())}</strong> UTC here. Charges, ends of"
        " trials, gifts and periods, and retries of webhooks happen on the way.</p>"
        + _form("clock", f"<span>Move forward by</span> {buttons}"),
    )


def _hooks(sandbox: Sandbox) -> str:
    rows = [
        [
            f"<code>{_e(hook.uri)}</code><br>{_e(', '.join(hook.triggers))}",
            _e(hook.owner),
            "paused" if hook.paused else "on",
            str(hook.num_consecutive_times_failed),
            str(len(hook.queue)),
            _time(hook.next_attempt_at),
            _form(
                "hooks/test",
                f'<input type=hidden name=id value="{_e(hook.id)}"><button>Send test</button>',
            ),
        ]
        for hook in sandbox.world.hooks.values()
    ]
    heads = ("Address and triggers", "Made by", "State", "Failures", "Queue", "Next try", "Test")
    table = _table("Registered", heads, rows, "No webhook is registered.")
    boxes = "".join(
        f'<label><input type=checkbox name=triggers value="{each}"'
        f"{' checked' if each.startswith('members:') else ''}> {each}</label> "
        for each in TRIGGERS
    )
    form = _form(
        "hooks",
        _input("Address", "uri", "url", required="required", placeholder="http://localhost:8000/…")
        + f"<fieldset><legend>Triggers</legend>{boxes}</fieldset>"
        "<button>Make one on the portal</button>",
    )
    return _section("hooks", "Webhooks", table + form)


def _deliveries(sandbox: Sandbox) -> str:
    rows = []
    for each in list(sandbox.courier.log)[-_SHOWN:][::-1]:
        last = each.attempts[-1] if each.attempts else None
        said = "on its way" if last is None else str(last.status or last.words)
        body = html.escape(json.dumps(json.loads(each.body), indent=1))
        rows.append(
            [
                _time(each.happened_at),
                f"<details><summary>{_e(each.event)}</summary><pre>{body}</pre></details>",
                _e("delivered" if each.delivered else "not delivered"),
                f"{_e(said)} (tries: {len(each.attempts)})",
                _form(
                    "deliveries/again",
                    f'<input type=hidden name=id value="{_e(each.id)}"><button>Send again</button>',
                ),
            ]
        )
    heads = ("When", "Event and body", "State", "Answer", "Repeat")
    waiting = sandbox.courier.pending
    content = _table("Deliveries, newest first", heads, rows, "Nothing has gone out.")
    return _section("deliveries", "Deliveries", f"<p>Waiting: {waiting}.</p>{content}")


def _requests(sandbox: Sandbox) -> str:
    rows = [
        [_e(each["method"]), f"<code>{_e(each['path'])}</code>", _e(each["status"] or "none")]
        for each in list(sandbox.journal)[-_SHOWN:][::-1]
    ]
    table = _table("Requests, newest first", ("Method", "Path", "Answer"), rows, "None came in.")
    people = [
        ("", "everybody"),
        *((each.slug, each.slug) for each in sandbox.world.people.values()),
    ]
    tokens = (
        f'<form method=post action="/">{_select("Tokens of", "user", people)}'
        '<button name=switch value="tokens/expire">Expire access tokens</button>'
        '<button name=switch value="tokens/kill">Kill all tokens</button></form>'
    )
    return _section("requests", "Requests and tokens", table + tokens)


def _faults(sandbox: Sandbox) -> str:
    rows = [
        [
            _e(each.kind),
            f"<code>{_e(each.path)}</code>",
            _e("for ever" if each.times is None else each.times),
            _e(f"{each.share:.0%}"),
        ]
        for each in sandbox.faults.armed
    ]
    table = _table("In force", ("Fault", "Under", "Times", "Share"), rows, "All is well.")
    kinds = [(name, f"{name}: {says}") for name, says in FAULTS.items()]
    form = _form(
        "faults",
        _select("Fault", "kind", kinds)
        + _input("Under", "path", value="/api/")
        + _input("Times", "times", "number", min="1")
        + _input("or share of all (0 to 1)", "share", "number", min="0.01", max="1", step="0.01")
        + _input("Seconds", "seconds", "number", min="0", step="0.1")
        + "<button>Order it</button>",
    )
    return _section("faults", "Faults", table + form)


def _settings_section(sandbox: Sandbox) -> str:
    now = sandbox.switches.plain()
    fields = ""
    for name, (says, choices) in sandbox.switches.choices().items():
        options = [(_word(each), _word(each)) for each in choices]
        chosen = _select(name.replace("_", " "), name, options, _word(now[name]))
        fields += f"<p>{chosen}<small>{_e(says)}</small></p>"
    form = _form("settings", f"{fields}<button>Set all</button>")
    return _section(
        "settings",
        "What is unknown",
        f"<details><summary>Show the switches</summary>{form}</details>",
    )


def _reset() -> str:
    return _section("reset", "Begin again", _form("reset", "<button>As it was at start</button>"))
