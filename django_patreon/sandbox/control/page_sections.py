"""The sections of the control room."""

from __future__ import annotations

import json
from typing import Any

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.ids import HOME
from django_patreon.sandbox.pledges.actions import ACTIONS
from django_patreon.sandbox.web import html
from django_patreon.sandbox.web.faults import FAULTS
from django_patreon.sandbox.web.html import escape, minute, select, text_input
from django_patreon.sandbox.webhooks.queue import TRIGGERS
from django_patreon.sandbox.world.models import Member

__all__ = [
    "clock",
    "deliveries",
    "faults",
    "hooks",
    "members",
    "requests",
    "reset",
    "settings",
    "value_text",
]

_SHOWN = 60


def members(core: Core) -> str:
    """Return the section of the members, and the forms that change people."""
    world = core.world
    listed = world.members_of(HOME)

    def row(member: Member) -> list[str]:
        person = world.person(member.user_id)
        tiers = ", ".join(world.tiers[key].title for key in member.tier_ids)
        then = member.ends and f"{member.ends} ends {minute(member.ends_at)}"
        return [
            f"<strong>{escape(person.slug if person else member.user_id)}</strong>"
            f"<br>{escape(person.full_name if person else '')}",
            escape(member.patron_status or "never paid"),
            escape(member.last_charge_status or "never charged"),
            escape(tiers or "none"),
            escape(f"{(member.currently_entitled_amount_cents or 0) / 100:.2f}"),
            then or minute(member.next_charge_date),
        ]

    table = html.table(
        "Members of the first campaign",
        ("Who", "Status", "Last charge", "Tiers", "Entitled", "Next"),
        [row(each) for each in listed[:_SHOWN]],
        "Nobody yet.",
    )
    more = f"<p>{len(listed) - _SHOWN} more.</p>" if len(listed) > _SHOWN else ""
    people = [(each.slug, f"{each.slug} ({each.full_name})") for each in world.people.values()]
    tiers = [(each.id, each.title) for each in world.campaigns[HOME].tiers if each.amount_cents]
    act = html.form(
        "members",
        select("Let", "user", people)
        + select(
            "do this:",
            "do",
            [(name, f"{name}: {description}") for name, (description, _) in ACTIONS.items()],
        )
        + select("Tier", "tier", [("", "none"), *tiers])
        + text_input("Days (gift, trial)", "days", "number", min="1", max="3650")
        + "<button>Do it</button>",
    )
    new_person = html.form(
        "people",
        text_input("Slug", "slug", required="required")
        + text_input("Name", "full_name")
        + "<button>Let somebody new come</button>",
    )
    change = html.form(
        "people/change",
        select("E-mail of", "user", people)
        + text_input("New address", "email")
        + select("Confirmed", "is_email_verified", [("", "as it is"), ("yes", "yes"), ("no", "no")])
        + "<button>Change it</button>",
    )
    crowd = html.form(
        "crowd",
        text_input(
            "How many", "members", "number", min="0", max="10000000", value=str(world.crowd.size)
        )
        + "<button>Generate members</button>",
    )
    return html.section("members", "Members", act + table + more + new_person + change + crowd)


def clock(core: Core) -> str:
    """Return the section of the clock."""
    steps = (("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("2678400", "31 days"))
    buttons = "".join(
        f'<button name=advance value="{seconds}">{text}</button> ' for seconds, text in steps
    )
    return html.section(
        "clock",
        "Clock",
        f"<p>It is <strong>{minute(core.world.clock.now())}</strong> UTC here. Charges, ends of"
        " trials, gifts and periods, and retries of webhooks happen on the way.</p>"
        + html.form("clock", f"<span>Move forward by</span> {buttons}"),
    )


def hooks(core: Core) -> str:
    """Return the section of the webhooks."""
    rows = [
        [
            f"<code>{escape(hook.uri)}</code><br>{escape(', '.join(hook.triggers))}",
            escape(hook.owner),
            "paused" if hook.paused else "on",
            str(hook.num_consecutive_times_failed),
            str(len(hook.queue)),
            minute(hook.next_attempt_at),
            html.form(
                "hooks/test",
                f'<input type=hidden name=id value="{escape(hook.id)}"><button>Send test</button>',
            ),
        ]
        for hook in core.world.hooks.values()
    ]
    heads = ("Address and triggers", "Made by", "State", "Failures", "Queue", "Next try", "Test")
    table = html.table("Registered", heads, rows, "No webhook is registered.")
    boxes = "".join(
        f'<label><input type=checkbox name=triggers value="{each}"'
        f"{' checked' if each.startswith('members:') else ''}> {each}</label> "
        for each in TRIGGERS
    )
    form = html.form(
        "hooks",
        text_input(
            "Address", "uri", "url", required="required", placeholder="http://localhost:8000/…"
        )
        + f"<fieldset><legend>Triggers</legend>{boxes}</fieldset>"
        "<button>Make one on the portal</button>",
    )
    return html.section("hooks", "Webhooks", table + form)


def deliveries(core: Core) -> str:
    """Return the section of the deliveries."""
    rows = []
    for each in list(core.sender.log)[-_SHOWN:][::-1]:
        last = each.attempts[-1] if each.attempts else None
        answer = "on its way" if last is None else str(last.status or last.words)
        body = escape(json.dumps(json.loads(each.body), indent=1))
        rows.append(
            [
                minute(each.happened_at),
                f"<details><summary>{escape(each.event)}</summary><pre>{body}</pre></details>",
                escape("delivered" if each.delivered else "not delivered"),
                f"{escape(answer)} (tries: {len(each.attempts)})",
                html.form(
                    "deliveries/again",
                    f'<input type=hidden name=id value="{escape(each.id)}">'
                    "<button>Send again</button>",
                ),
            ]
        )
    heads = ("When", "Event and body", "State", "Answer", "Repeat")
    waiting = core.sender.pending
    content = html.table("Deliveries, newest first", heads, rows, "Nothing was sent yet.")
    return html.section("deliveries", "Deliveries", f"<p>Waiting: {waiting}.</p>{content}")


def requests(core: Core) -> str:
    """Return the section of the requests and the tokens."""
    rows = [
        [
            escape(each["method"]),
            f"<code>{escape(each['path'])}</code>",
            escape(each["status"] or "none"),
        ]
        for each in list(core.journal)[-_SHOWN:][::-1]
    ]
    table = html.table(
        "Requests, newest first", ("Method", "Path", "Answer"), rows, "No request yet."
    )
    people = [
        ("", "everybody"),
        *((each.slug, each.slug) for each in core.world.people.values()),
    ]
    tokens = (
        f'<form method=post action="/">{select("Tokens of", "user", people)}'
        '<button name=control value="tokens/expire">Expire access tokens</button>'
        '<button name=control value="tokens/kill">Kill all tokens</button></form>'
    )
    return html.section("requests", "Requests and tokens", table + tokens)


def faults(core: Core) -> str:
    """Return the section of the faults."""
    rows = [
        [
            escape(each.kind),
            f"<code>{escape(each.path)}</code>",
            escape("no end" if each.times is None else each.times),
            escape(f"{each.share:.0%}"),
        ]
        for each in core.faults.armed
    ]
    table = html.table(
        "Active faults", ("Fault", "Under", "Times", "Share"), rows, "No fault is active."
    )
    kinds = [(name, f"{name}: {description}") for name, description in FAULTS.items()]
    form = html.form(
        "faults",
        select("Fault", "kind", kinds)
        + text_input("Under", "path", value="/api/")
        + text_input("Times", "times", "number", min="1")
        + text_input(
            "or share of all (0 to 1)", "share", "number", min="0.01", max="1", step="0.01"
        )
        + text_input("Seconds", "seconds", "number", min="0", step="0.1")
        + "<button>Add it</button>",
    )
    return html.section("faults", "Faults", table + form)


def settings(core: Core) -> str:
    """Return the section of the settings."""
    now = core.settings.plain()
    fields = ""
    for name, (description, choices) in core.settings.choices().items():
        options = [(value_text(each), value_text(each)) for each in choices]
        chosen = select(name.replace("_", " "), name, options, value_text(now[name]))
        fields += f"<p>{chosen}<small>{escape(description)}</small></p>"
    form = html.form("settings", f"{fields}<button>Set all</button>")
    return html.section(
        "settings",
        "Settings for what is unknown",
        f"<details><summary>Show the settings</summary>{form}</details>",
    )


def reset(core: Core) -> str:
    """Return the section of the reset."""
    return html.section(
        "reset", "Begin again", html.form("reset", "<button>As it was at start</button>")
    )


def value_text(value: Any) -> str:
    """Return the text that stands for the value of a setting."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
