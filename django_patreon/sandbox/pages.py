"""The pages that the API's `url` attributes name: of a campaign, a person and a post.

The paths are Patreon's (observed); what the pages say is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from .http import Request, Response, came_from_here, edge_refusal, page
from .markup import escaped
from .things import Campaign, Member, Person, Post

if TYPE_CHECKING:
    from .app import Sandbox

__all__ = ["answer_page"]


def answer_page(sandbox: Sandbox, request: Request) -> Response | None:
    """Show the page at this path, or take its form; None when there is no such page."""
    world = sandbox.world
    name = unquote(request.path).strip("/")
    if name.startswith("posts/"):
        post = world.posts.get(name.rpartition("-")[2])
        return _post_page(sandbox, post) if post else None
    if name == "user":
        person = world.person(dict(request.query).get("u", ""))
        campaign = world.campaign_of(person.id) if person else None
    else:
        campaign = next((each for each in world.campaigns.values() if each.vanity == name), None)
        person = next(
            (each for each in world.people.values() if name and each.vanity == name), None
        )
    if campaign is not None:
        return _campaign_page(sandbox, request, campaign)
    return _person_page(sandbox, person) if person else None


def _campaign_page(sandbox: Sandbox, request: Request, campaign: Campaign) -> Response:
    """Join links, and the form on which a declined payment is made good."""
    said, status = "", 200
    if request.method == "POST":
        if not came_from_here(request):
            return edge_refusal(403, "Only this page's own form is taken here.")
        person = sandbox.world.person_called(dict(request.form).get("user", ""))
        try:
            if person is None:
                raise ValueError("Nobody is called that")
            if person not in (each for _, each in _declined(sandbox, campaign)):
                raise ValueError(f"{person.slug} has no declined payment")  # a page loaded again
            sandbox.life.act("pay", person, campaign.id)
            said = f"<p role=status>{escaped(person.full_name)} has paid.</p>"
        except ValueError as error:
            said, status = f"<p role=alert>{escaped(error)}.</p>", 400
    buttons = "".join(
        f'<li><button name=user value="{escaped(person.slug)}">'
        f"<strong>{escaped(person.slug)}</strong>{escaped(person.full_name)}"
        f"<small>{escaped(member.last_charge_status or 'never charged')}</small></button></li>"
        for member, person in _declined(sandbox, campaign)
    )
    form = f"<form method=post><ul class=people>{buttons}</ul></form>"
    return page(
        f"<h1>{escaped(campaign.name)}</h1>{said}"
        f'<p><a href="/checkout/{escaped(quote(campaign.vanity, safe=""))}">Choose a tier</a></p>'
        "<h2>Update a payment</h2><p>Nobody is charged: this Patreon is pretended. Another card"
        f" is used for:</p>{form if buttons else '<p>Nobody has a declined payment.</p>'}"
        '<p>More can happen in the <a href="/">control room</a>.</p>',
        title=campaign.name,
        status=status,
    )


def _declined(sandbox: Sandbox, campaign: Campaign) -> list[tuple[Member, Person]]:
    """Stored members whose payment was declined: those of a crowd are too many to list."""
    world = sandbox.world
    return [
        (member, person)
        for member in world.members.values()
        if member.campaign_id == campaign.id
        and member.patron_status == "declined_patron"
        and (person := world.person(member.user_id)) is not None
    ]


def _person_page(sandbox: Sandbox, person: Person) -> Response:
    names = [
        sandbox.world.campaigns[each.campaign_id].name
        for each in sandbox.world.memberships_of(person.id)
    ]
    listed = ", ".join(names) or "none"
    return page(
        f"<h1>{escaped(person.full_name)}</h1><p>Member of: {escaped(listed)}.</p>",
        title=person.full_name,
    )


def _post_page(sandbox: Sandbox, post: Post) -> Response:
    campaign = sandbox.world.campaigns[post.campaign_id]
    titles = ", ".join(sandbox.world.tiers[key].title for key in post.tier_ids)
    link = f'<a href="/{escaped(quote(campaign.vanity, safe=""))}">{escaped(campaign.name)}</a>'
    return page(
        f"<h1>{escaped(post.title)}</h1><p>For {escaped(titles or 'everybody')}.</p><p>{link}</p>",
        title=post.title,
    )
