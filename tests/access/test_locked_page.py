"""What the locked page says and offers, gate by gate: no dead end, and nothing that is no use."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone

from django_patreon.access import Rule, gate_for, locked, patron_required
from django_patreon.access.words import tell_the_operator
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.sandbox.ids import BRONZE, FOREIGN, FOREIGN_GOLD, FREE, GOLD, HOME, SILVER
from django_patreon.sync import sync_account
from tests.dance import Dance
from tests.gates.models import Story
from tests.gates.urls import said
from tests.sync.test_memberships import at_patreon
from tests.urls import front
from tests.urls import urlpatterns as site

RULES: dict[str, dict[str, Any]] = {
    "any": {},
    "gold": {"tier": GOLD},
    "free": {"tier": [FREE, GOLD]},
    "silver": {"at_least": SILVER},
    "theirs": {"campaign": FOREIGN, "cents": 500},
    "given": {"lifetime_cents": 10**7},
    "early": {"since": datetime(2000, 1, 1)},
    "nobodys": {"campaign": ""},
    "theirs-here": {"campaign": HOME, "tier": FOREIGN_GOLD},
    "theirs-or-more-here": {"campaign": HOME, "at_least": FOREIGN_GOLD},
    "ours-or-theirs": {"campaign": HOME, "tier": [GOLD, FOREIGN_GOLD]},
}


def gate(rule: dict[str, Any]) -> Callable[[HttpRequest], HttpResponse]:
    return patron_required(**rule)(lambda request: said(True))


def misspelt(request: HttpRequest) -> HttpResponse | None:
    """A gate that the system checks do not know of: they would tell of it elsewhere."""
    return locked(request, Rule(tier="Glod"))


gates = [path(f"{name}/", gate(rule)) for name, rule in RULES.items()]
gates.append(path("misspelt/", misspelt))
urlpatterns = [path("locked/", include(gates)), *site]
pytestmark = pytest.mark.urls(__name__)


class Page:
    """The locked page, as the person reads it."""

    def __init__(self, dance: Dance, rule: str) -> None:
        answer = dance.client.get(f"/locked/{rule}/")
        assert answer.status_code == 403
        text = unescape(answer.content.decode())
        self.text = text
        self.needs, self.has = (
            re.findall(r"<li>(.*?)</li>", "".join(re.findall(f'<ul class="{name}">.*?</ul>', text)))
            for name in ("patreon-needs", "patreon-has")
        )
        self.links = dict(re.findall(r'<a class="patreon-join[^"]*" href="(.*?)">(.*?)</a>', text))
        self.buttons = re.findall(r"<button[^>]*>(?:\s*<svg.*?</svg>)?(.*?)</button>", text, re.S)

    @property
    def offers(self) -> set[str]:
        return {each.rpartition("rid=")[2] for each in self.links}


@pytest.fixture
def two(dance: Dance, settings) -> Dance:
    """A site that knows both campaigns' tiers, and gold patrons of each."""
    settings.PATREON = {"CAMPAIGN_ID": HOME}
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    for slug in ("gold", "foreign-only"):
        dance.sign_in(slug)
        dance.client.logout()
    Campaign.objects.update(is_ours=True)
    return dance


class TestOffers:
    def test_are_of_the_campaign_that_the_gate_is_about(self, two: Dance) -> None:
        two.sign_in("bronze")
        page = Page(two, "theirs")
        assert page.offers == {FOREIGN_GOLD}
        assert page.has == []
        two.client.logout()
        two.sign_in("foreign-only")
        page = Page(two, "silver")
        assert page.offers == {SILVER}
        assert page.has == []

    @pytest.mark.parametrize("rule", ["given", "early"])
    def test_are_not_made_where_no_tier_helps(self, dance: Dance, rule: str) -> None:
        dance.sign_in("gold")
        assert Page(dance, rule).offers == set()
        dance.client.logout()
        dance.sign_in("stranger")
        assert Page(dance, rule).offers == set()

    @pytest.mark.parametrize("rule", ["gold", "silver"])
    def test_are_of_published_tiers(self, dance: Dance, rule: str) -> None:
        dance.sign_in("bronze")
        Tier.objects.filter(patreon_id__in=[GOLD, SILVER]).update(published=False)
        assert Page(dance, rule).offers == set()
        Tier.objects.filter(patreon_id=GOLD).update(published=None)
        assert Page(dance, rule).offers == {GOLD}, "Patreon has not said"

    def test_may_be_the_free_tier_where_it_is_named(self, dance: Dance) -> None:
        dance.sign_in("stranger")
        Tier.objects.all().delete()
        home = Campaign.objects.create(patreon_id=HOME, is_ours=True, fetched_at=timezone.now())
        home.tiers.create(patreon_id=FREE, amount_cents=0, fetched_at=timezone.now())
        assert Page(dance, "free").offers == {FREE}


class TestWhatTheyHave:
    def test_the_free_tier_is_not_worth_saying_of_a_patron(self, dance: Dance) -> None:
        dance.sign_in("bronze")
        assert Page(dance, "gold").has == ["Bronze"]
        dance.client.logout()
        dance.sign_in("free")
        assert Page(dance, "gold").has == ["Free"]

    def test_an_amount_of_ones_own_is_in_the_campaigns_currency(self, dance: Dance) -> None:
        dance.sign_in("custom")
        page = Page(dance, "gold")
        assert page.has == ["a pledge of 7 EUR a month"]
        Membership.objects.update(currently_entitled_amount_cents=4200, pledge_cadence=12)
        assert Page(dance, "silver").has == ["a pledge of 3.50 EUR a month"]

    def test_an_amount_above_the_tier_is_said_too(self, dance: Dance) -> None:
        dance.sign_in("bronze")
        Membership.objects.update(currently_entitled_amount_cents=450)
        assert Page(dance, "silver").has == ["Bronze", "a pledge of 4.50 EUR a month"]

    def test_a_pass_is_said(self, dance: Dance) -> None:
        dance.sign_in("free")
        tier = Tier.objects.get(patreon_id=BRONZE)
        Grant.objects.give(dance.user, tier=tier)
        Grant.objects.give(dance.user, cents=250)
        Grant.objects.give(dance.user, cents=900, starts_at=timezone.now() + timedelta(days=1))
        assert Page(dance, "gold").has == [
            "Free",
            "a pass for the tier Bronze",
            "a pass for 2.50 EUR a month",
        ]

    def test_what_is_remembered_is_said_to_be(self, dance: Dance, time_machine_at) -> None:
        """T12."""
        dance.sign_in("silver")
        there = at_patreon(dance, "silver")
        there.tier_ids, there.currently_entitled_amount_cents = [FREE], 0
        sync_account(dance.user.patreon_account)
        remembered = "Silver (remembered; Patreon does not list it now)"
        assert Page(dance, "gold").has == [remembered]
        assert remembered in dance.client.get("/patreon/account/").content.decode()
        time_machine_at(days=4)
        page = Page(dance, "silver")
        assert page.has == ["Free"], "it opens nothing any more"

    def test_a_pass_does_not_make_the_memory_last(self, dance: Dance, time_machine_at) -> None:
        dance.sign_in("silver")
        there = at_patreon(dance, "silver")
        there.tier_ids, there.currently_entitled_amount_cents = [], 0
        sync_account(dance.user.patreon_account)
        Grant.objects.give(dance.user, tier=Tier.objects.get(patreon_id=SILVER))
        time_machine_at(days=4)
        assert Page(dance, "gold").has == ["a pass for the tier Silver"]

    def test_an_amount_is_remembered_too(self, dance: Dance) -> None:
        dance.sign_in("custom")
        at_patreon(dance, "custom").currently_entitled_amount_cents = 0
        sync_account(dance.user.patreon_account)
        assert Page(dance, "gold").has == [
            "a pledge of 7 EUR a month (remembered; Patreon does not list it now)"
        ]


class TestTheWayOn:
    def test_a_declined_card_is_repaired_and_not_bought_anew(
        self, dance: Dance, time_machine_at
    ) -> None:
        """T7."""
        dance.sign_in("declined-out")
        for url in ("https://www.patreon.com/lanternhouse", "/lanternhouse", "//evil.example/x"):
            Campaign.objects.update(url=url)
            page = Page(dance, "any")
            (link,) = page.links
            assert link.startswith("https://www.patreon.com/")
            assert page.links[link] == "Update your payment on Patreon"
        assert page.buttons == ["Check with Patreon again"]
        Campaign.objects.update(url="")
        assert list(Page(dance, "any").links) == ["https://www.patreon.com/"]

    def test_who_may_have_joined_meanwhile_checks_again(self, dance: Dance) -> None:
        dance.sign_in("free")
        assert Page(dance, "any").buttons == ["I have just joined: check again"]

    @pytest.mark.parametrize("slug", ["free", "gold", "stranger"])
    def test_where_nothing_that_patreon_says_would_open_it_nobody_is_sent_there(
        self, dance: Dance, slug: str
    ) -> None:
        dance.sign_in(slug)
        assert Page(dance, "misspelt").buttons == []
        Grant.objects.deny(dance.user)
        assert Page(dance, "any").buttons == []
        PatreonAccount.objects.all().delete()
        assert Page(dance, "any").buttons == []

    @pytest.mark.parametrize("slug", ["bronze", "stranger", "foreign-only"])
    @pytest.mark.parametrize(
        ("rule", "helps"),
        [
            ("theirs-here", False),
            ("theirs-or-more-here", False),
            ("ours-or-theirs", True),
            ("nobodys", False),
        ],
    )
    def test_so_it_is_where_a_rule_asks_for_what_cannot_be(
        self, two: Dance, slug: str, rule: str, helps: bool
    ) -> None:
        two.sign_in(slug)
        assert bool(Page(two, rule).buttons) is helps
        PatreonAccount.objects.filter(user=two.user).delete()
        assert bool(Page(two, rule).buttons) is helps

    def test_so_it_is_where_a_site_for_many_has_not_said_whose_page_it_is(
        self, two: Dance, settings
    ) -> None:
        settings.PATREON = {}
        two.sign_in("bronze")
        page = Page(two, "any")
        assert "This site is not ready for its patrons yet." in page.text
        assert "campaign opens" not in page.text
        assert page.buttons == []

    def test_the_operator_is_told_once_in_the_life_of_a_process(
        self, two: Dance, settings, caplog
    ) -> None:
        tell_the_operator.cache_clear()
        settings.PATREON = {}
        two.sign_in("bronze")
        for _ in range(3):
            assert Page(two, "any").buttons == []
        said = [each.message for each in caplog.records if "closed to everybody" in each.message]
        assert len(said) == 1
        assert "set PATREON['CAMPAIGN_ID']" in said[0]

    def test_who_joined_too_late_is_not_told_to_look_again(self, dance: Dance) -> None:
        dance.sign_in("gold")
        assert Page(dance, "early").buttons == []
        assert Page(dance, "given").buttons == ["I have just joined: check again"]
        Membership.objects.update(pledge_relationship_start=None)
        assert Page(dance, "early").buttons == ["I have just joined: check again"]

    def test_on_a_new_site_who_connects_makes_the_campaign_known(self, dance: Dance) -> None:
        dance.client.force_login(
            User.objects.create_user("early"), "django.contrib.auth.backends.ModelBackend"
        )
        assert Page(dance, "any").buttons

    def test_who_is_let_in_has_not_just_joined(self, dance: Dance) -> None:
        dance.sign_in("gold")
        page = dance.client.get("/patreon/locked/").content.decode()
        assert "just joined" not in page
        assert "Check with Patreon again" in page

    @pytest.mark.parametrize("rule", ["gold", "silver"])
    def test_who_has_paid_for_what_nobody_names_is_not_sold_another(
        self, dance: Dance, time_machine_at, rule: str
    ) -> None:
        dance.sign_in("blank")
        for days in (0, 4):  # while it opens what any support opens, and after
            time_machine_at(days=days)
            page = Page(dance, rule)
            assert "Patreon names no tier and no amount for you." in page.text
            assert (page.offers, page.needs, page.has) == (set(), [], [])
            assert page.buttons == ["Check with Patreon again"]

    def test_where_patreon_cannot_be_asked_by_us_it_is_by_signing_in(
        self, dance: Dance, settings
    ) -> None:
        """A site may have left our addresses out."""
        dance.sign_in("gold")
        Membership.objects.update(fetched_at=timezone.now() - timedelta(days=30))
        assert 'action="/patreon/refresh/?next=/locked/any/"' in Page(dance, "any").text
        settings.ROOT_URLCONF = bare
        page = Page(dance, "any")
        assert 'action="/login/patreon/"' in page.text
        assert [re.sub(r"<.*?>", "", each).strip() for each in page.buttons] == [
            "Check with Patreon again"
        ]


class bare:
    urlpatterns = (
        path("locked/", include(gates)),
        path("login/", front),
        path("", include("social_django.urls", namespace="social")),
    )


def test_nobody_needs_a_query_for_it(dance: Dance, django_assert_num_queries) -> None:
    dance.sign_in("bronze")
    with django_assert_num_queries(3):  # the session, the user, the one query
        Page(dance, "gold")


@pytest.fixture
def story(dance: Dance, rf: Any) -> tuple[Story, HttpRequest]:
    """A row for Gold, and the request of somebody who has Bronze."""
    dance.sign_in("bronze")
    request = rf.get("/story/")
    request.user = dance.user
    row = Story.objects.create(
        title="The <b>Lamp</b>", required_tier=Tier.objects.get(patreon_id=GOLD)
    )
    return row, request


def test_a_row_with_a_teaser_is_shown_by_its_name_and_that_text(
    story: tuple[Story, HttpRequest],
) -> None:
    row, request = story
    row.teaser = "A light at <sea>."  # type: ignore[attr-defined]
    answer = gate_for(request, row)
    assert answer is not None
    page = answer.content.decode()
    assert "<h1>The &lt;b&gt;Lamp&lt;/b&gt;</h1>" in page
    assert "A light at &lt;sea&gt;." in page
    assert "10 EUR a month" in page  # what the way to it costs


def test_a_row_without_one_is_not_named(story: tuple[Story, HttpRequest]) -> None:
    row, request = story
    answer = gate_for(request, row)
    assert answer is not None
    assert b"Lamp" not in answer.content
