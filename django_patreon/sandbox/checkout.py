"""The checkout page: `/checkout/{vanity or campaign id}?rid={tier id}`, as in Patreon's links.

The path is observed, the page is the sandbox's own: it asks who joins, and for no money.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlencode

from .core import Core
from .web.errors import edge_page
from .web.html import escape, page, person_buttons
from .web.messages import Request, Response, is_same_origin
from .web.person_cookie import CHECKOUT as PREFIX
from .web.person_cookie import remember_person, remembered_person_id
from .world.models import Campaign, Member, Person, Tier

__all__ = ["PREFIX", "answer"]


def answer(core: Core, request: Request) -> Response:
    """Ask who joins, let them join, or show that they have joined."""
    campaign = _campaign(core, unquote(request.path.removeprefix(PREFIX)).rstrip("/"))
    if campaign is None:
        return edge_page(404, "There is no such page.")
    given = dict(request.query)
    if "rid" not in given:
        return _tiers_page(campaign)
    tier = next((each for each in campaign.tiers if each.id == given["rid"]), None)
    if tier is None:
        return edge_page(404, "This page has no such tier.")
    if request.method == "POST":
        return _join(core, request, campaign, tier)
    joined = core.world.person(given["joined"]) if "joined" in given else None
    if joined is not None:
        return _joined_page(core, campaign, joined)
    return _join_page(core, request, campaign, tier)


def _campaign(core: Core, name: str) -> Campaign | None:
    campaigns = core.world.campaigns
    return campaigns.get(name) or next(
        (each for each in campaigns.values() if each.vanity == name), None
    )


def _join(core: Core, request: Request, campaign: Campaign, tier: Tier) -> Response:
    if not is_same_origin(request):
        return edge_page(403, "Only this page's own form is taken here.")
    person = core.world.person_called(dict(request.form).get("user", ""))
    try:
        if person is None:
            raise ValueError("Nobody is called that")
        actions = _actions(core.world.membership(person.id, campaign.id), tier)
        if not actions:
            raise ValueError(f"{person.slug} has {tier.title} already")
        for action in actions:
            core.pledges.act(action, person, campaign.id, tier=tier if tier.amount_cents else None)
    except ValueError as error:
        return _join_page(core, request, campaign, tier, problem=f"{error}.")
    # A redirect, so that reloading the page does not pay again.
    query = urlencode({"rid": tier.id, "joined": person.id})
    location = f"{PREFIX}{quote(campaign.vanity, safe='')}?{query}"
    response = Response(status=303, headers=[("Location", location), ("Content-Length", "0")])
    return remember_person(response, person.id)


def _actions(member: Member | None, tier: Tier) -> list[str]:
    """Return the actions that are needed until somebody pays for this tier."""
    if not tier.amount_cents:
        return [] if member else ["join"]
    if member is None or not member.pledge_cadence:
        return ["pledge"]
    if member.patron_status not in ("active_patron", "declined_patron"):
        return ["pledge"]
    changes = member.pledged_tier_id != tier.id or member.ends == "period"
    # Someone with a declined card uses another card here.
    is_declined = member.patron_status == "declined_patron"
    return ["change"] * changes + ["pay"] * is_declined


# -- the pages


def _price(campaign: Campaign, tier: Tier) -> str:
    if not tier.amount_cents:
        return "for nothing"
    return f"{tier.amount_cents / 100:.2f} {escape(campaign.currency)} a month"


def _membership(core: Core, campaign: Campaign, person: Person) -> str:
    """Return what a person has at a campaign, as text."""
    member = core.world.membership(person.id, campaign.id)
    if member is None:
        return "is no member"
    tiers = [core.world.tiers[key].title for key in member.tier_ids]
    return f"has {' and '.join(tiers) or 'no tier'} ({member.patron_status or 'never paid'})"


def _tiers_page(campaign: Campaign) -> Response:
    links = "".join(
        f'<li><a href="?rid={escape(quote(each.id, safe=""))}">{escape(each.title)}</a>,'
        f" {_price(campaign, each)}</li>"
        for each in campaign.tiers
    )
    return page(f"<h1>Join {escape(campaign.name)}</h1><ul>{links}</ul>", title="Choose a tier")


def _join_page(
    core: Core, request: Request, campaign: Campaign, tier: Tier, *, problem: str = ""
) -> Response:
    world = core.world
    last = world.person(remembered_person_id(request))
    people = [each for each in world.people.values() if each.id != campaign.creator_id]
    if last is not None and last.id != campaign.creator_id:
        people = [last, *(each for each in people if each is not last)]
    notes = [
        _membership(core, campaign, each) + ("; was here last" if each is last else "")
        for each in people
    ]
    return page(
        f"<h1>Join {escape(campaign.name)}?</h1>"
        + (f"<p role=alert>{escape(problem)}</p>" if problem else "")
        + f"<p><strong>{escape(tier.title)}</strong>, {_price(campaign, tier)}. Nobody is charged:"
        " this Patreon is pretended.</p>"
        "<form method=post><h2>Join, as</h2>"
        f"{person_buttons(zip(people, notes, strict=True), focused=last)}</form>",
        title=f"Join {campaign.name}?",
        status=400 if problem else 200,
    )


def _joined_page(core: Core, campaign: Campaign, person: Person) -> Response:
    return page(
        "<h1>Done</h1>"
        f"<p><strong>{escape(person.full_name)}</strong> now"
        f" {escape(_membership(core, campaign, person))} at {escape(campaign.name)}.</p>"
        "<p>Now go back to the site, and press “check again” there, or sign in: it knows of this"
        " when it asks, or when a webhook has told it.</p>"
        '<p>Change more in the <a href="/">control room</a>.</p>',
        title="Done",
    )
