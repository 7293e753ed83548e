"""Where one joins: `/checkout/{vanity or campaign id}?rid={tier id}`, as Patreon links it.

The path is observed, the page behind it is ours: it asks for no money, but for who is meant.
"""

from __future__ import annotations

import html
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

from .http import Request, Response, came_from_here, edge_refusal, page
from .things import Campaign, Member, Person, Tier

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["CHECKOUT", "answer_checkout", "remember_person"]

CHECKOUT = "/checkout/"
_COOKIE = "sandbox_person"


def remember_person(response: Response, person: Person) -> Response:
    """Let the browser know who was last here, so that nobody has to be looked for twice."""
    # Cookies do not know ports: only the path keeps this one from the site next door.
    value = f"{_COOKIE}={quote(person.id, safe='')}; Path={CHECKOUT}; HttpOnly; SameSite=Lax"
    response.headers.append(("Set-Cookie", value))
    return response


def answer_checkout(sandbox: Sandbox, request: Request) -> Response:
    """Ask who joins, let them join, and say how it goes on."""
    campaign = _campaign(sandbox, unquote(request.path.removeprefix(CHECKOUT)).rstrip("/"))
    if campaign is None:
        return edge_refusal(404, "There is no such page.")
    given = dict(request.query)
    if "rid" not in given:
        return _tiers(campaign)
    tier = next((each for each in campaign.tiers if each.id == given["rid"]), None)
    if tier is None:
        return edge_refusal(404, "This page has no such tier.")
    if request.method == "POST":
        return _join(sandbox, request, campaign, tier)
    joined = sandbox.world.person(given["joined"]) if "joined" in given else None
    if joined is not None:
        return _done(sandbox, campaign, joined)
    return _question(sandbox, request, campaign, tier)


def _campaign(sandbox: Sandbox, name: str) -> Campaign | None:
    campaigns = sandbox.world.campaigns
    return campaigns.get(name) or next(
        (each for each in campaigns.values() if each.vanity == name), None
    )


def _join(sandbox: Sandbox, request: Request, campaign: Campaign, tier: Tier) -> Response:
    if not came_from_here(request):
        return edge_refusal(403, "Only this page's own form is taken here.")
    person = sandbox.world.person_called(dict(request.form).get("user", ""))
    try:
        if person is None:
            raise ValueError("Nobody is called that")
        steps = _steps(sandbox.world.membership(person.id, campaign.id), tier)
        if not steps:
            raise ValueError(f"{person.slug} has {tier.title} already")
        for step in steps:
            sandbox.life.act(step, person, campaign.id, tier=tier if tier.amount_cents else None)
    except ValueError as error:
        return _question(sandbox, request, campaign, tier, problem=f"{error}.")
    # A page that is loaded again must not pay again.
    query = urlencode({"rid": tier.id, "joined": person.id})
    where = f"{CHECKOUT}{quote(campaign.vanity, safe='')}?{query}"
    answer = Response(status=303, headers=[("Location", where), ("Content-Length", "0")])
    return remember_person(answer, person)


def _steps(member: Member | None, tier: Tier) -> list[str]:
    """What has to happen, in `life`'s words, for somebody to pay for this tier."""
    if not tier.amount_cents:
        return [] if member else ["join"]
    if member is None or not member.pledge_cadence:
        return ["pledge"]
    if member.patron_status not in ("active_patron", "declined_patron"):
        return ["pledge"]
    changes = member.pledged_tier_id != tier.id or member.ends == "period"
    # Who comes here with a declined card has brought another one.
    declined = member.patron_status == "declined_patron"
    return ["change"] * changes + ["pay"] * declined


# -- the pages


def _e(value: object) -> str:
    return html.escape(str(value), quote=True)


def _price(campaign: Campaign, tier: Tier) -> str:
    if not tier.amount_cents:
        return "for nothing"
    return f"{tier.amount_cents / 100:.2f} {_e(campaign.currency)} a month"


def _has(sandbox: Sandbox, campaign: Campaign, person: Person) -> str:
    member = sandbox.world.membership(person.id, campaign.id)
    if member is None:
        return "is no member"
    tiers = [sandbox.world.tiers[key].title for key in member.tier_ids]
    return f"has {' and '.join(tiers) or 'no tier'} ({member.patron_status or 'never paid'})"


def _tiers(campaign: Campaign) -> Response:
    links = "".join(
        f'<li><a href="?rid={_e(quote(each.id, safe=""))}">{_e(each.title)}</a>,'
        f" {_price(campaign, each)}</li>"
        for each in campaign.tiers
    )
    return page(f"<h1>Join {_e(campaign.name)}</h1><ul>{links}</ul>", title="Choose a tier")


def _question(
    sandbox: Sandbox, request: Request, campaign: Campaign, tier: Tier, *, problem: str = ""
) -> Response:
    world = sandbox.world
    last = world.person(_last_person(request))
    people = [each for each in world.people.values() if each.id != campaign.creator_id]
    if last is not None and last.id != campaign.creator_id:
        people = [last, *(each for each in people if each is not last)]
    buttons = "".join(
        f'<li><button name=user value="{_e(each.slug)}"{" autofocus" if each is last else ""}>'
        f"<strong>{_e(each.slug)}</strong>{_e(each.full_name)}"
        f"<small>{_e(_has(sandbox, campaign, each))}"
        f"{'; was here last' if each is last else ''}</small></button></li>"
        for each in people
    )
    return page(
        f"<h1>Join {_e(campaign.name)}?</h1>"
        + (f"<p role=alert>{_e(problem)}</p>" if problem else "")
        + f"<p><strong>{_e(tier.title)}</strong>, {_price(campaign, tier)}. Nobody is charged:"
        " this Patreon is pretended.</p>"
        f"<form method=post><h2>Join, as</h2><ul class=people>{buttons}</ul></form>",
        title=f"Join {campaign.name}?",
        status=400 if problem else 200,
    )


def _done(sandbox: Sandbox, campaign: Campaign, person: Person) -> Response:
    return page(
        "<h1>Done</h1>"
        f"<p><strong>{_e(person.full_name)}</strong> now"
        f" {_e(_has(sandbox, campaign, person))} at {_e(campaign.name)}.</p>"
        "<p>Now go back to the site, and press “check again” there, or sign in: it knows of this"
        " when it asks, or when a webhook has told it.</p>"
        '<p>More can happen to them in the <a href="/">control room</a>.</p>',
        title="Done",
    )


def _last_person(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.header("Cookie")).get(_COOKIE)
    except CookieError:
        return ""
    return unquote(morsel.value) if morsel else ""
