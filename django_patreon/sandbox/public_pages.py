"""The pages of campaigns, people and posts, where the `url` attributes of the API lead.

The paths are Patreon's (observed); the pages are the sandbox's own.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from .core import Core
from .web.errors import edge_page
from .web.html import escape, page, person_buttons
from .web.messages import Request, Response, is_same_origin
from .world.models import Campaign, Person, Post

__all__ = ["answer"]


def answer(core: Core, request: Request) -> Response | None:
    """Show the page at this path, or handle its form. Returns None if there is no such page."""
    world = core.world
    name = unquote(request.path).strip("/")
    if name.startswith("posts/"):
        post = world.posts.get(name.rpartition("-")[2])
        return _post_page(core, post) if post else None
    if name == "user":
        person = world.person(dict(request.query).get("u", ""))
        campaign = world.campaign_of(person.id) if person else None
    else:
        campaign = next((each for each in world.campaigns.values() if each.vanity == name), None)
        person = next(
            (each for each in world.people.values() if name and each.vanity == name), None
        )
    if campaign is not None:
        return _campaign_page(core, request, campaign)
    return _person_page(core, person) if person else None


def _campaign_page(core: Core, request: Request, campaign: Campaign) -> Response:
    """Show a link to the tiers, and the form that pays a declined payment."""
    result, status = "", 200
    if request.method == "POST":
        if not is_same_origin(request):
            return edge_page(403, "Only this page's own form is taken here.")
        person = core.world.person_called(dict(request.form).get("user", ""))
        try:
            if person is None:
                raise ValueError("Nobody is called that")
            if person not in (each for each, _ in _declined(core, campaign)):
                raise ValueError(f"{person.slug} has no declined payment")  # a reloaded page
            core.pledges.act("pay", person, campaign.id)
            result = f"<p role=status>{escape(person.full_name)} has paid.</p>"
        except ValueError as error:
            result, status = f"<p role=alert>{escape(error)}.</p>", 400
    declined = _declined(core, campaign)
    form = f"<form method=post>{person_buttons(declined)}</form>"
    return page(
        f"<h1>{escape(campaign.name)}</h1>{result}"
        f'<p><a href="/checkout/{escape(quote(campaign.vanity, safe=""))}">Choose a tier</a></p>'
        "<h2>Update a payment</h2><p>Nobody is charged: this Patreon is pretended. Another card"
        f" is used for:</p>{form if declined else '<p>Nobody has a declined payment.</p>'}"
        '<p>Change more in the <a href="/">control room</a>.</p>',
        title=campaign.name,
        status=status,
    )


def _declined(core: Core, campaign: Campaign) -> list[tuple[Person, str]]:
    """Return the stored members with a declined payment, and the status of their last charge.

    Generated members are left out: there may be millions.
    """
    world = core.world
    return [
        (person, member.last_charge_status or "never charged")
        for member in world.members.values()
        if member.campaign_id == campaign.id
        and member.patron_status == "declined_patron"
        and (person := world.person(member.user_id)) is not None
    ]


def _person_page(core: Core, person: Person) -> Response:
    names = [
        core.world.campaigns[each.campaign_id].name for each in core.world.memberships_of(person.id)
    ]
    return page(
        f"<h1>{escape(person.full_name)}</h1>"
        f"<p>Member of: {escape(', '.join(names) or 'none')}.</p>",
        title=person.full_name,
    )


def _post_page(core: Core, post: Post) -> Response:
    campaign = core.world.campaigns[post.campaign_id]
    titles = ", ".join(core.world.tiers[key].title for key in post.tier_ids)
    link = f'<a href="/{escape(quote(campaign.vanity, safe=""))}">{escape(campaign.name)}</a>'
    return page(
        f"<h1>{escape(post.title)}</h1><p>For {escape(titles or 'everybody')}.</p><p>{link}</p>",
        title=post.title,
    )
