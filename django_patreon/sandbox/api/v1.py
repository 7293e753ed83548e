"""API v1 under `/api/oauth2/api/`: the three documents that the official libraries read.

Patreon does not maintain API v1 and will end it (official). Documents have all attributes, unless
`fields` names some. Scopes of v2 are valid here, as documented: `identity` for the user,
`campaigns` for the campaign, `campaigns.members` for the pledges. The attributes are those that the
official libraries know.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django_patreon.sandbox.core import Core
from django_patreon.sandbox.oauth.tokens import TokenPair
from django_patreon.sandbox.resources.paging import InvalidCursor, cut_page
from django_patreon.sandbox.web.errors import api_error, unauthorized
from django_patreon.sandbox.web.messages import JSON_API, Request, Response, json_response
from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.models import Campaign, Member, Person, Tier
from django_patreon.sandbox.world.world import World, has_pledge

__all__ = ["PREFIX", "answer"]

PREFIX = "/api/oauth2/api/"
_PLEDGES_A_PAGE = 100  # a guess: clients may ask for any number
_ALWAYS_NULL = ("about", "discord_id", "facebook", "facebook_id", "twitch", "twitter", "youtube")


def answer(core: Core, request: Request) -> Response:
    """Answer a request under `/api/oauth2/api/`."""
    path = request.path.removeprefix(PREFIX).rstrip("/")
    pledges = re.fullmatch("campaigns/([^/]{1,64})/pledges", path)
    scope = {"current_user": "identity", "current_user/campaigns": "campaigns"}.get(
        path, "campaigns.members" if pledges else ""
    )
    if not scope:
        return api_error(404, code_name="NotFound")
    if request.method not in ("GET", "HEAD"):
        return api_error(405, code_name="MethodNotAllowed")
    pair = core.tokens.pair_of(request.bearer_token)
    if pair is None or scope not in pair.scopes:
        return unauthorized()
    documents = _Documents(core.world, core.url)
    try:
        if pledges:
            document = documents.pledges(request, pair, pledges[1])
        elif path == "current_user":
            document = documents.user(pair)
        else:
            document = documents.campaigns(pair)
    except InvalidCursor as error:
        return error.response()
    if document is None:
        return api_error(403, code_name="ViewForbidden")
    return json_response(_sparse(document, request), kind=JSON_API)


class _Documents:
    """The three documents: a user, a creator's campaigns, and a campaign's pledges."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url = world, url

    def user(self, pair: TokenPair) -> dict[str, Any]:
        person = self.world.person(pair.user_id)
        assert person is not None  # noqa: S101  (a token has a user)
        user, included = self._user(person, email="identity[email]" in pair.scopes), []
        paid = [
            each
            for each in self.world.memberships_of(person.id)
            if each.will_pay_amount_cents
            and (
                "identity.memberships" in pair.scopes
                or each.campaign_id == self.world.owner_campaign_id
            )
        ]
        user["relationships"] = {
            "pledges": {"data": [{"id": each.user_id, "type": "pledge"} for each in paid]}
        }
        included += [self._pledge(each) for each in paid]
        campaign = self.world.campaign_of(person.id)
        if campaign is not None:
            user["relationships"]["campaign"] = {"data": {"id": campaign.id, "type": "campaign"}}
            included.append(self._campaign(campaign))
        return {
            "data": user,
            "included": included,
            "links": {"self": f"{self.url}/api/user/{person.id}"},
        }

    def campaigns(self, pair: TokenPair) -> dict[str, Any]:
        campaign = self.world.campaign_of(pair.user_id)
        creator = self.world.person(pair.user_id)
        if campaign is None or creator is None:
            return {"data": [], "included": []}
        rewards = [self._reward(each) for each in campaign.tiers]
        return {
            "data": [self._campaign(campaign)],
            "included": [self._user(creator, email=False), *rewards],
        }

    def pledges(self, request: Request, pair: TokenPair, key: str) -> dict[str, Any] | None:
        campaign = self.world.campaigns.get(key)
        if campaign is None or campaign.creator_id != pair.user_id:
            return None
        page = cut_page(
            self.world.members_of(key),
            request,
            url=self.url,
            most=_PLEDGES_A_PAGE,
            last_page="no cursor, no links",
            keep=has_pledge,
        )
        here = [pair for pair in request.query if pair[0] != "page[cursor]"]
        patrons = [self.world.person(each.user_id) for each in page.items]
        email = "campaigns.members[email]" in pair.scopes
        return {
            "data": [self._pledge(each) for each in page.items],
            "included": [self._user(each, email=email) for each in patrons if each]
            + [self._reward(each) for each in campaign.tiers],
            "links": {
                "first": f"{self.url}{request.path}?{urlencode(here)}",
                **(page.links or {}),
            },
            "meta": {"count": self.world.pledge_count(key)},
        }

    def _user(self, person: Person, *, email: bool) -> dict[str, Any]:
        attributes = {
            **dict.fromkeys(_ALWAYS_NULL),
            "created": "2019-03-04T10:00:00+00:00",
            "first_name": person.first_name,
            "full_name": person.full_name,
            "image_url": f"https://c8.patreonusercontent.com/sandbox/{person.id}.png",
            "last_name": person.last_name,
            "thumb_url": f"https://c8.patreonusercontent.com/sandbox/{person.id}.png",
            "url": f"https://www.patreon.com/{person.vanity or f'user?u={person.id}'}",
            "vanity": person.vanity,
        }
        if email:
            attributes |= {"email": person.email, "is_email_verified": person.is_email_verified}
        return {"attributes": attributes, "id": person.id, "relationships": {}, "type": "user"}

    def _pledge(self, member: Member) -> dict[str, Any]:
        campaign = self.world.campaigns[member.campaign_id]
        declined = member.patron_status == "declined_patron"
        reward = member.pledged_tier_id
        return {
            "attributes": {
                "amount_cents": member.will_pay_amount_cents,
                "created_at": format_time(member.pledge_relationship_start),
                "declined_since": format_time(member.last_charge_date) if declined else None,
                "patron_pays_fees": False,
                "pledge_cap_cents": None,
            },
            "id": member.user_id,
            "relationships": {
                "creator": {"data": {"id": campaign.creator_id, "type": "user"}},
                "patron": {"data": {"id": member.user_id, "type": "user"}},
                "reward": {"data": {"id": reward, "type": "reward"} if reward else None},
            },
            "type": "pledge",
        }

    def _campaign(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "attributes": {
                "created_at": "2019-03-04T10:00:00+00:00",
                "creation_name": "stories by lamplight",
                "is_monthly": True,
                "is_nsfw": False,
                "patron_count": self.world.patron_count(campaign.id),
                "pay_per_name": "month",
                "published_at": "2019-03-04T10:00:00+00:00",
                "summary": None,
            },
            "id": campaign.id,
            "relationships": {
                "creator": {"data": {"id": campaign.creator_id, "type": "user"}},
                "goals": {"data": []},
                "rewards": {"data": [{"id": each.id, "type": "reward"} for each in campaign.tiers]},
            },
            "type": "campaign",
        }

    def _reward(self, tier: Tier) -> dict[str, Any]:
        return {
            "attributes": {
                "amount": tier.amount_cents,
                "amount_cents": tier.amount_cents,
                "created_at": "2019-03-04T10:00:00+00:00",
                "description": tier.title,
                "remaining": None,
                "requires_shipping": False,
                "title": tier.title,
                "url": f"/checkout/{self.world.campaigns[tier.campaign_id].vanity}?rid={tier.id}",
                "user_limit": None,
            },
            "id": tier.id,
            "relationships": {
                "campaign": {"data": {"id": tier.campaign_id, "type": "campaign"}},
            },
            "type": "reward",
        }


def _sparse(document: dict[str, Any], request: Request) -> dict[str, Any]:
    """Remove the attributes that `fields[type]` does not name, if it is given."""
    wanted = {
        name[len("fields[") : -1]: set(value.split(","))
        for name, value in request.query
        if name.startswith("fields[") and name.endswith("]")
    }
    data = document["data"]
    for each in [*(data if isinstance(data, list) else [data]), *document["included"]]:
        if each["type"] in wanted:
            known = wanted[each["type"]]
            each["attributes"] = {
                name: value for name, value in each["attributes"].items() if name in known
            }
    return document
