"""What the control room shows: a section for each of its subjects."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from . import markup
from .actions import ACTIONS
from .faults import FAULTS
from .hooks import TRIGGERS
from .ids import HOME
from .markup import escaped, minute
from .things import Member

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = [
    "clock",
    "deliveries",
    "faults",
    "hooks",
    "members",
    "requests",
    "reset",
    "settings",
    "word",
]

_SHOWN = 60


def members(sandbox: Sandbox) -> str:
    world = sandbox.world
    roll = world.members_of(HOME)

    def row(member: Member) -> list[str]:
        person = world.person(member.user_id)
        tiers = ", ".join(world.tiers[key].title for key in member.tier_ids)
        then = member.ends and f"{member.ends} ends {minute(member.ends_at)}"
        return [
            f"<strong>{escaped(person.slug if person else member.user_id)}</strong>"
            f"<br>{escaped(person.full_name if person else '')}",
            escaped(member.patron_status or "never paid"),
            escaped(member.last_charge_status or "never charged"),
            escaped(tiers or "none"),
            escaped(f"{(member.currently_entitled_amount_cents or 0) / 100:.2f}"),
            then or minute(member.next_charge_date),
        ]

    table = markup.table(
        "Members of the first campaign",
        ("Who", "Status", "Last charge", "Tiers", "Entitled", "Next"),
        [row(each) for each in roll[:_SHOWN]],
        "Nobody yet.",
    )
    more = f"<p>{len(roll) - _SHOWN} more.</p>" if len(roll) > _SHOWN else ""
    people = [(each.slug, f"{each.slug} ({each.full_name})") for each in world.people.values()]
    tiers = [(each.id, each.title) for each in world.campaigns[HOME].tiers if each.amount_cents]
    act = markup.form(
        "members",
        markup.select("Let", "user", people)
        + markup.select(
            "do this:", "do", [(name, f"{name}: {says}") for name, (says, _) in ACTIONS.items()]
        )
        + markup.select("Tier", "tier", [("", "none"), *tiers])
        + markup.entry("Days (gift, trial)", "days", "number", min="1", max="3650")
        + "<button>Do it</button>",
    )
    newcomer = markup.form(
        "people",
        markup.entry("Slug", "slug", required="required")
        + markup.entry("Name", "full_name")
        + "<button>Let somebody new come</button>",
    )
    change = markup.form(
        "people/change",
        markup.select("E-mail of", "user", people)
        + markup.entry("New address", "email")
        + markup.select(
            "Confirmed", "is_email_verified", [("", "as it is"), ("yes", "yes"), ("no", "no")]
        )
        + "<button>Change it</button>",
    )
    crowd = markup.form(
        "crowd",
        markup.entry(
            "How many", "members", "number", min="0", max="10000000", value=str(world.crowd.size)
        )
        + "<button>Generate members</button>",
    )
    return markup.section("members", "Members", act + table + more + newcomer + change + crowd)


def clock(sandbox: Sandbox) -> str:
    steps = (("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("2678400", "31 days"))
    buttons = "".join(
        f'<button name=advance value="{seconds}">{words}</button> ' for seconds, words in steps
    )
    return markup.section(
        "clock",
        "Clock",
        f"<p>It is <strong>{minute(sandbox.world.clock.now())}</strong> UTC here. Charges, ends of"
        " trials, gifts and periods, and retries of webhooks happen on the way.</p>"
        + markup.form("clock", f"<span>Move forward by</span> {buttons}"),
    )


def hooks(sandbox: Sandbox) -> str:
    rows = [
        [
            f"<code>{escaped(hook.uri)}</code><br>{escaped(', '.join(hook.triggers))}",
            escaped(hook.owner),
            "paused" if hook.paused else "on",
            str(hook.num_consecutive_times_failed),
            str(len(hook.queue)),
            minute(hook.next_attempt_at),
            markup.form(
                "hooks/test",
                f'<input type=hidden name=id value="{escaped(hook.id)}"><button>Send test</button>',
            ),
        ]
        for hook in sandbox.world.hooks.values()
    ]
    heads = ("Address and triggers", "Made by", "State", "Failures", "Queue", "Next try", "Test")
    table = markup.table("Registered", heads, rows, "No webhook is registered.")
    boxes = "".join(
        f'<label><input type=checkbox name=triggers value="{each}"'
        f"{' checked' if each.startswith('members:') else ''}> {each}</label> "
        for each in TRIGGERS
    )
    form = markup.form(
        "hooks",
        markup.entry(
            "Address", "uri", "url", required="required", placeholder="http://localhost:8000/…"
        )
        + f"<fieldset><legend>Triggers</legend>{boxes}</fieldset>"
        "<button>Make one on the portal</button>",
    )
    return markup.section("hooks", "Webhooks", table + form)


def deliveries(sandbox: Sandbox) -> str:
    rows = []
    for each in list(sandbox.courier.log)[-_SHOWN:][::-1]:
        last = each.attempts[-1] if each.attempts else None
        said = "on its way" if last is None else str(last.status or last.words)
        body = html.escape(json.dumps(json.loads(each.body), indent=1))
        rows.append(
            [
                minute(each.happened_at),
                f"<details><summary>{escaped(each.event)}</summary><pre>{body}</pre></details>",
                escaped("delivered" if each.delivered else "not delivered"),
                f"{escaped(said)} (tries: {len(each.attempts)})",
                markup.form(
                    "deliveries/again",
                    f'<input type=hidden name=id value="{escaped(each.id)}">'
                    "<button>Send again</button>",
                ),
            ]
        )
    heads = ("When", "Event and body", "State", "Answer", "Repeat")
    waiting = sandbox.courier.pending
    content = markup.table("Deliveries, newest first", heads, rows, "Nothing has gone out.")
    return markup.section("deliveries", "Deliveries", f"<p>Waiting: {waiting}.</p>{content}")


def requests(sandbox: Sandbox) -> str:
    rows = [
        [
            escaped(each["method"]),
            f"<code>{escaped(each['path'])}</code>",
            escaped(each["status"] or "none"),
        ]
        for each in list(sandbox.journal)[-_SHOWN:][::-1]
    ]
    table = markup.table(
        "Requests, newest first", ("Method", "Path", "Answer"), rows, "None came in."
    )
    people = [
        ("", "everybody"),
        *((each.slug, each.slug) for each in sandbox.world.people.values()),
    ]
    tokens = (
        f'<form method=post action="/">{markup.select("Tokens of", "user", people)}'
        '<button name=switch value="tokens/expire">Expire access tokens</button>'
        '<button name=switch value="tokens/kill">Kill all tokens</button></form>'
    )
    return markup.section("requests", "Requests and tokens", table + tokens)


def faults(sandbox: Sandbox) -> str:
    rows = [
        [
            escaped(each.kind),
            f"<code>{escaped(each.path)}</code>",
            escaped("for ever" if each.times is None else each.times),
            escaped(f"{each.share:.0%}"),
        ]
        for each in sandbox.faults.armed
    ]
    table = markup.table("In force", ("Fault", "Under", "Times", "Share"), rows, "All is well.")
    kinds = [(name, f"{name}: {says}") for name, says in FAULTS.items()]
    form = markup.form(
        "faults",
        markup.select("Fault", "kind", kinds)
        + markup.entry("Under", "path", value="/api/")
        + markup.entry("Times", "times", "number", min="1")
        + markup.entry(
            "or share of all (0 to 1)", "share", "number", min="0.01", max="1", step="0.01"
        )
        + markup.entry("Seconds", "seconds", "number", min="0", step="0.1")
        + "<button>Order it</button>",
    )
    return markup.section("faults", "Faults", table + form)


def settings(sandbox: Sandbox) -> str:
    now = sandbox.switches.plain()
    fields = ""
    for name, (says, choices) in sandbox.switches.choices().items():
        options = [(word(each), word(each)) for each in choices]
        chosen = markup.select(name.replace("_", " "), name, options, word(now[name]))
        fields += f"<p>{chosen}<small>{escaped(says)}</small></p>"
    form = markup.form("settings", f"{fields}<button>Set all</button>")
    return markup.section(
        "settings",
        "What is unknown",
        f"<details><summary>Show the switches</summary>{form}</details>",
    )


def reset() -> str:
    return markup.section(
        "reset", "Begin again", markup.form("reset", "<button>As it was at start</button>")
    )


def word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
