"""A site for many creators: everything that asks about a patron asks of a campaign."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import FieldError
from django.template import Context, Template
from django.utils import timezone

from django_patreon.access import Patron
from django_patreon.access.statement import MOST_CAMPAIGNS
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.sandbox.ids import FOREIGN, FOREIGN_GOLD, HOME
from tests.dance import Dance
from tests.gates.models import Episode, Show

ACCOUNT, LOCKED = "/patreon/account/", "/patreon/locked/"
HERE, THERE = "Lanternhouse", "The Other House"


@pytest.fixture
def both(dance: Dance, settings: Any) -> Dance:
    """A site for two creators, and somebody who gives 3 to one and 20 to the other."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    dance.sign_in("foreign-first")
    Campaign.objects.update(is_ours=True)
    for key, name in ((HOME, HERE), (FOREIGN, THERE)):
        Campaign.objects.filter(patreon_id=key).update(name=name)
    return dance


@pytest.fixture
def one_here(both: Dance) -> Dance:
    """The same person, who has left the other creator."""
    Membership.objects.filter(campaign_id=FOREIGN).delete()
    return both


def heads(page: str) -> list[str]:
    return re.findall(r"<dt>(Your membership.*?)</dt>", page)


def text(dance: Dance, url: str, status: int = 200) -> str:
    answer = dance.client.get(url)
    assert answer.status_code == status
    return unescape(answer.content.decode())


def campaign(key: str) -> Campaign:
    return Campaign.objects.get(patreon_id=key)


class TestAsking:
    @pytest.mark.parametrize(("key", "opens"), [(HOME, True), (FOREIGN, False)])
    def test_the_filter_takes_a_campaign(self, one_here: Dance, key: str, opens: bool) -> None:
        source = "{% load patreon %}{% if user|is_patron:of %}in{% endif %}"
        context = Context({"user": one_here.user, "of": campaign(key)})
        assert (Template(source).render(context) == "in") is opens

    def test_so_does_the_person(self, one_here: Dance) -> None:
        patron = Patron(one_here.user)
        assert patron.is_patron_of(HOME)
        assert patron.is_patron_of(campaign(HOME))
        assert not patron.is_patron_of(FOREIGN)
        assert patron.has(HOME) == ["Bronze"]
        assert patron.has(FOREIGN) == []

    def test_nobody_is_a_patron_of_none(self, one_here: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        patron = Patron(one_here.user)
        assert patron.is_patron
        assert not patron.is_patron_of(None)
        assert not patron.is_patron_of("")


class TestTheAccountPage:
    def test_lists_each_campaign_that_somebody_belongs_to(self, both: Dance) -> None:
        page = text(both, ACCOUNT)
        assert set(heads(page)) == {f"Your membership of {each}" for each in (HERE, THERE)}
        assert "Bronze" in page
        for key in (HOME, FOREIGN):
            assert f'href="{LOCKED}?campaign={key}"' in page

    def test_begins_with_the_sites_own(self, both: Dance, settings: Any) -> None:
        for own, other in ((HOME, FOREIGN), (FOREIGN, HOME)):
            settings.PATREON = {"CAMPAIGN_ID": own}
            names = [campaign(key).name for key in (own, other)]
            page = text(both, ACCOUNT)
            assert heads(page) == [f"Your membership of {each}" for each in names]
            assert f'href="{LOCKED}"' in page
            assert f'href="{LOCKED}?campaign={other}"' in page

    def test_says_the_name_when_the_site_has_another(self, one_here: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        assert heads(text(one_here, ACCOUNT)) == [f"Your membership of {HERE}"]

    def test_needs_no_name_for_the_only_one(self, one_here: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        Campaign.objects.filter(patreon_id=FOREIGN).update(is_ours=False)
        assert heads(text(one_here, ACCOUNT)) == ["Your membership"]

    def test_is_silent_about_campaigns_that_are_not_ours(self, both: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        Campaign.objects.filter(patreon_id=FOREIGN).update(is_ours=False)
        assert heads(text(both, ACCOUNT)) == ["Your membership"]

    def test_lists_what_passes_and_bans_are_about(self, one_here: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        there = campaign(FOREIGN)
        user = one_here.user
        begin, end = (timezone.now() - timedelta(days=each) for each in (2, 1))
        Grant.objects.give(user, cents=300, campaign=there, starts_at=begin, until=end)
        assert len(heads(text(one_here, ACCOUNT))) == 1
        Grant.objects.give(user, cents=300, campaign=there)
        page = text(one_here, ACCOUNT)
        assert f"Your membership of {THERE}" in heads(page)
        assert "have given you a pass" in page
        Grant.objects.deny(user, campaign=there)
        page = text(one_here, ACCOUNT)
        assert "have closed it to you" in page
        assert f"?campaign={FOREIGN}" not in page, "where there is nothing to press"

    def test_lists_the_campaign_of_a_creator(self, one_here: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        account = PatreonAccount.objects.get(user=one_here.user)
        Campaign.objects.filter(patreon_id=FOREIGN).update(creator=account)
        page = text(one_here, ACCOUNT)
        assert f"Your membership of {THERE}" in heads(page)
        assert "This is your own campaign." in page

    def test_asks_no_more_than_before(self, both: Dance, django_assert_num_queries: Any) -> None:
        both.user.set_password("x")
        with django_assert_num_queries(5):  # session, user, account, what gates know, ways in
            text(both, ACCOUNT)


class TestTheLockedPage:
    def test_is_about_the_campaign_in_its_address(self, one_here: Dance) -> None:
        page = text(one_here, f"{LOCKED}?campaign={HOME}")
        assert f"<h1>Your membership of {HERE}</h1>" in page
        assert "Bronze" in page
        page = text(one_here, f"{LOCKED}?campaign={FOREIGN}")
        assert f"<h1>For patrons of {THERE}</h1>" in page
        assert "You are not a member of this campaign" in page
        assert f"rid={FOREIGN_GOLD}" in page
        back = f"{LOCKED}%3Fcampaign%3D{FOREIGN}"
        assert f'action="/patreon/refresh/?next={back}"' in page, "and is come back to"

    def test_names_the_other_when_there_is_one_of_the_site(
        self, one_here: Dance, settings: Any
    ) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        assert f"<h1>Your membership of {HERE}</h1>" in text(one_here, LOCKED)
        Campaign.objects.filter(patreon_id=FOREIGN).update(is_ours=False)
        assert "<h1>Your membership</h1>" in text(one_here, LOCKED)

    def test_goes_by_the_name_in_the_address_where_patreon_says_no_other(self, both: Dance) -> None:
        Campaign.objects.filter(patreon_id=FOREIGN).update(name="", vanity="other-house")
        assert "Your membership of other-house" in text(both, f"{LOCKED}?campaign={FOREIGN}")

    def test_knows_of_the_persons_own_memberships_and_of_ours(
        self, both: Dance, settings: Any
    ) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        Campaign.objects.filter(patreon_id=FOREIGN).update(is_ours=False)
        assert f"Your membership of {THERE}" in text(both, f"{LOCKED}?campaign={FOREIGN}")
        Membership.objects.filter(campaign_id=FOREIGN).delete()
        text(both, f"{LOCKED}?campaign={FOREIGN}", status=404)

    @pytest.mark.parametrize("odd", ["7", "%00", "x%0Ay", "%F0%9F%A6%8A", "9" * 5000])
    def test_of_nobodys_campaign_is_not_there(self, both: Dance, odd: str) -> None:
        text(both, f"{LOCKED}?campaign={odd}", status=404)

    def test_without_a_name_is_the_sites_own(self, both: Dance, settings: Any) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        assert f"<h1>Your membership of {HERE}</h1>" in text(both, f"{LOCKED}?campaign=")

    def test_who_has_to_sign_in_first_comes_back_to_it(self, both: Dance) -> None:
        both.client.logout()
        answer = both.client.get(f"{LOCKED}?campaign={FOREIGN}")
        assert answer["Location"] == f"/login/?next={LOCKED}%3Fcampaign%3D{FOREIGN}"


class TestRows:
    """A model may say which campaign its rows are of, and one list holds many creators' rows."""

    def rows(self) -> list[Episode]:
        elsewhere = Campaign.objects.create(patreon_id="8", fetched_at=timezone.now())
        campaigns = [campaign(HOME), campaign(FOREIGN), elsewhere, None]
        shows: list[Show | None] = [Show.objects.create(campaign=each) for each in campaigns]
        tiers = [None, *Tier.objects.all()]
        made = [
            Episode(show=show, required_tier=tier, min_cents=cents)
            for show in [*shows, None]
            for tier in tiers
            for cents in (None, 0, 400, 3000)
        ]
        return Episode.objects.bulk_create(made)

    def opens_alike(self, user: Any, rows: list[Episode], **of: Any) -> set[str | None]:
        """Check that the filter agrees with every row; return whose tierless rows are shown."""
        shown = set(Episode.objects.visible_to(user, **of))
        assert shown == {each for each in rows if each.decision_for(user, **of)}
        return {
            each.show.campaign.patreon_id if each.show and each.show.campaign else None
            for each in shown
            if each.required_tier is None
        }

    @pytest.mark.parametrize("chosen", [None, HOME, FOREIGN])
    def test_the_filter_agrees_with_every_row(
        self, both: Dance, settings: Any, chosen: str | None
    ) -> None:
        settings.PATREON = {"CAMPAIGN_ID": chosen}
        user, rows = both.user, self.rows()
        default = set() if chosen is None else {None}
        assert self.opens_alike(user, rows) == {HOME, FOREIGN} | default
        assert self.opens_alike(user, rows, campaign=HOME) == {HOME, FOREIGN, None}
        assert self.opens_alike(user, rows, campaign="8") == {HOME, FOREIGN}
        Membership.objects.filter(campaign_id=FOREIGN).delete()
        assert self.opens_alike(user, rows, campaign=HOME) == {HOME, None}
        Grant.objects.give(user, cents=1000, campaign=Campaign.objects.get(patreon_id="8"))
        assert self.opens_alike(user, rows, campaign=HOME) == {HOME, "8", None}
        Grant.objects.deny(user, campaign=campaign(HOME))
        assert self.opens_alike(user, rows, campaign=HOME) == {"8"}
        Grant.objects.give(user, cents=1000)
        assert self.opens_alike(user, rows, campaign=FOREIGN) == {FOREIGN, "8", None}
        Grant.objects.deny(user)
        assert self.opens_alike(user, rows) == set()

    def test_so_it_does_for_staff_creators_and_strangers(self, both: Dance) -> None:
        rows, stranger = self.rows(), User.objects.create_user("stranger")
        staff = User.objects.create_user("staff", is_staff=True)
        assert len(self.opens_alike(staff, rows)) == 4
        assert self.opens_alike(stranger, rows) == set()
        assert self.opens_alike(AnonymousUser(), rows) == set()
        Membership.objects.all().delete()
        account = PatreonAccount.objects.get(user=both.user)
        Campaign.objects.filter(patreon_id=FOREIGN).update(creator=account)
        assert self.opens_alike(both.user, rows) == {FOREIGN}

    def test_a_list_costs_two_queries(self, both: Dance, django_assert_num_queries: Any) -> None:
        self.rows()
        patron = both.user
        with django_assert_num_queries(2):  # what is known of the person, and the rows
            assert list(Episode.objects.visible_to(patron).select_related("show__campaign"))

    def test_a_way_that_leads_nowhere_opens_nothing(self, both: Dance, monkeypatch: Any) -> None:
        self.rows()
        monkeypatch.setattr(Episode, "campaign_lookup", "show__house")
        with pytest.raises(FieldError, match="house"):
            Episode.objects.visible_to(both.user)
        with pytest.raises(AttributeError, match="house"):
            Episode(show=Show.objects.first()).decision_for(both.user)


def test_the_last_of_very_many_campaigns_has_its_page_too(
    one_here: Dance, django_assert_num_queries: Any
) -> None:
    now = timezone.now()
    many = (
        Campaign(patreon_id=str(n), is_ours=True, fetched_at=now) for n in range(MOST_CAMPAIGNS)
    )
    Campaign.objects.bulk_create(many)
    last = Campaign.objects.create(
        patreon_id="99", name="The last", currency="SEK", is_ours=True, fetched_at=now
    )
    Tier.objects.create(
        campaign=last, patreon_id="77", title="Friend", amount_cents=300, fetched_at=now
    )
    with django_assert_num_queries(
        6
    ):  # session, user, what gates know; is it ours, itself, its tiers
        page = text(one_here, f"{LOCKED}?campaign=99")
    assert "<h1>For patrons of The last</h1>" in page
    assert "Join Friend on Patreon" in page
