"""Gates from the inside: queries, freshness, campaigns, pages. See flows/test_gates as well."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError, connection
from django.http import Http404
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from django_patreon import tokens
from django_patreon.access import Patron, PatronFileView, Rule, check, patron_of, patron_required
from django_patreon.access.current import set_current_request
from django_patreon.access.spelling import Asked
from django_patreon.access.statement import MOST_CAMPAIGNS, statement
from django_patreon.access.words import SENTENCES, needs_in_words
from django_patreon.entitlement import Reason, Requirement
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.sandbox.ids import BRONZE, FOREIGN, FOREIGN_GOLD, FREE, GOLD, HOME, SILVER
from django_patreon.sync import sync_account
from tests.dance import Dance
from tests.gates.models import Episode, Show, Story
from tests.gates.urls import FORMS, ROOT, RULES, says_open
from tests.sync.test_memberships import at_patreon

User = get_user_model()
TIERS = {"gold": GOLD, "silver": SILVER}


@pytest.fixture(autouse=True)
def names(settings) -> None:
    settings.PATREON = {"TIERS": TIERS}


def queries_of(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        text_of(client.get(path))
    return [each["sql"] for each in found]


def text_of(answer: Any) -> str:
    """Read all of it, which ends a file that is served."""
    return b"".join(answer).decode()


class TestWhatItCosts:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("slug", ["gold", "free"])
    def test_a_gated_request_costs_one_query_more(self, dance: Dance, form: str, slug: str) -> None:
        dance.sign_in(slug)
        plain = len(queries_of(dance.client, "/gates/ungated/"))
        assert len(queries_of(dance.client, f"/gates/{form}/gold/")) == plain + 1

    def test_it_is_the_same_for_who_signed_in_by_password(self, dance: Dance) -> None:
        dance.sign_in("gold")
        client = Client()
        client.force_login(dance.user, "django.contrib.auth.backends.ModelBackend")
        plain = len(queries_of(client, "/gates/ungated/"))
        assert len(queries_of(client, "/gates/fifty/gold/")) == plain + 1

    def test_who_is_signed_out_costs_nothing(self, db: None) -> None:
        assert queries_of(Client(), "/gates/fifty/gold/") == []

    def test_a_page_without_a_gate_costs_nothing_and_may_be_kept(self, dance: Dance) -> None:
        dance.sign_in("gold")
        assert not any("patreon" in sql for sql in queries_of(dance.client, "/gates/ungated/"))
        assert "Cache-Control" not in dance.client.get("/gates/ungated/").headers

    def test_check_alone_is_one_query(self, dance: Dance, django_assert_num_queries) -> None:
        dance.sign_in("two-tiers")
        user = dance.user
        with django_assert_num_queries(1):
            assert check(user, at_least="gold")

    def test_a_list_is_one_query_beside_what_is_known_of_the_person(
        self, dance: Dance, django_assert_num_queries
    ) -> None:
        dance.sign_in("gold")
        Story.objects.bulk_create(Story(title=str(n), min_cents=n) for n in range(100))
        user = dance.user
        with django_assert_num_queries(2):
            assert len(Story.objects.visible_to(user)) == 100


class TestFreshness:
    def test_a_change_is_seen_by_the_next_question(self, dance: Dance) -> None:
        dance.sign_in("gold")
        user = dance.user
        assert check(user, tier="gold")
        Membership.objects.get().tiers.clear()
        assert check(user, tier="gold").reason is Reason.OTHER_TIER
        Membership.objects.all().delete()
        assert check(user).reason is Reason.NO_MEMBERSHIP
        PatreonAccount.objects.all().delete()
        assert check(user).reason is Reason.NOT_LINKED

    def test_also_within_the_request_that_made_it(self, dance: Dance, rf) -> None:
        dance.sign_in("free")
        request = rf.get("/")
        request.user = dance.user
        with set_current_request(request):
            assert not check(request.user)
            Grant.objects.give(dance.user, cents=300)
            assert check(request.user)

    def test_one_request_asks_once(self, dance: Dance, rf, django_assert_num_queries) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = dance.user
        someone = User.objects.create_user("someone")
        with set_current_request(request), django_assert_num_queries(1):
            for _ in range(3):
                assert check(request.user)
                assert patron_of(request).check(tier="gold")
        with set_current_request(request):
            assert not check(someone)

    def test_who_signs_in_during_a_request_is_who_is_asked_about(self, dance: Dance, rf) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = AnonymousUser()
        assert patron_of(request).check().reason is Reason.ANONYMOUS
        request.user = dance.user
        assert patron_of(request).check()

    def test_a_lost_connection_closes_when_what_is_known_is_too_old(
        self, dance: Dance, time_machine_at: Any
    ) -> None:
        dance.sign_in("gold")
        user = dance.user
        Story.objects.create(title="For patrons")
        PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
        assert check(user).reason is Reason.PAID
        assert Story.objects.visible_to(user).exists()
        time_machine_at(days=15)
        assert check(user).reason is Reason.NEEDS_RECONNECT

    def test_whom_nothing_opens_to_needs_a_new_connection_for_newer_facts(
        self, dance: Dance
    ) -> None:
        dance.sign_in("former")
        PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
        assert check(dance.user).reason is Reason.NEEDS_RECONNECT

    def test_the_same_facts_are_read_once_and_judged_each_time(
        self, dance: Dance, settings, time_machine_at
    ) -> None:
        dance.sign_in("gold")
        user = dance.user
        assert Patron(user).known is Patron(user).known
        assert check(user) is check(user)
        settings.PATREON = {"TIERS": TIERS, "COUNT_UNCHARGED": False}
        assert check(user) == check(user) is not check(user, cents=1)
        settings.PATREON = {"TIERS": TIERS, "CAMPAIGN_ID": FOREIGN}
        assert check(user).reason is Reason.NO_MEMBERSHIP
        settings.PATREON = {"TIERS": TIERS}
        time_machine_at(days=15)
        assert check(user).reason is Reason.TOO_OLD

    def test_a_blank_day_at_patreon_keeps_the_tiers_for_a_while(
        self, dance: Dance, time_machine_at
    ) -> None:
        """T12."""
        dance.sign_in("gold")
        user, there = dance.user, at_patreon(dance, "gold")
        there.tier_ids, there.currently_entitled_amount_cents = [], 0
        for days in (1, 2):
            time_machine_at(days=days)
            sync_account(user.patreon_account)
            assert check(user, tier="gold").reason is Reason.BLANK_GRACE
        time_machine_at(days=5)
        sync_account(user.patreon_account)
        assert check(user, tier="gold").reason is Reason.BLANK
        there.tier_ids = [GOLD]
        sync_account(user.patreon_account)
        assert check(user, tier="gold").reason is Reason.PAID

    @pytest.mark.parametrize("slug", ["silver", "gifted", "trial", "gold-annual", "custom"])
    @pytest.mark.parametrize("charge", ["Paid", "Pending", None])
    def test_the_first_of_a_month_locks_nobody_out(
        self, dance: Dance, slug: str, charge: str | None
    ) -> None:
        """T12, trap 25."""
        dance.sign_in(slug)
        user, there = dance.user, at_patreon(dance, slug)
        there.tier_ids, there.currently_entitled_amount_cents = [], 0
        there.last_charge_status = charge
        # What was paid for has just ended; without a date, or the sandbox would charge at once.
        there.last_charge_date = timezone.now() - timedelta(days=366)
        there.next_charge_date = None
        sync_account(user.patreon_account)
        assert check(user, at_least="silver").reason is Reason.BLANK_GRACE

    def test_who_cancels_keeps_the_tier_until_the_period_ends(
        self, dance: Dance, time_machine_at
    ) -> None:
        """T8: also when Patreon no longer lists it."""
        dance.sign_in("gold")
        user, there = dance.user, at_patreon(dance, "gold")
        there.patron_status, there.last_charge_status = "former_patron", "Deleted"
        there.tier_ids, there.currently_entitled_amount_cents = [], 0
        sync_account(user.patreon_account)
        decision = check(user, tier="gold")
        assert (decision.reason, decision.until) == (
            Reason.CANCELLED,
            user.patreon_account.memberships.get().fetched_at + timedelta(days=14),
        )
        time_machine_at(days=13)
        sync_account(user.patreon_account)
        assert check(user, tier="gold").until == there.next_charge_date
        time_machine_at(days=6)
        assert check(user, tier="gold").reason is Reason.FORMER

    def test_a_declined_card_keeps_the_tier_for_a_week(
        self, dance: Dance, time_machine_at, settings
    ) -> None:
        """T7: the same whether Patreon still lists it or not."""
        dance.sign_in("gold")
        user, there = dance.user, at_patreon(dance, "gold")
        there.patron_status = "declined_patron"
        there.last_charge_status, there.last_charge_date = "Declined", timezone.now()
        for tiers, cents in (([GOLD], 1000), ([], 0)):
            there.tier_ids, there.currently_entitled_amount_cents = tiers, cents
            sync_account(user.patreon_account)
            assert check(user, tier="gold").reason is Reason.DECLINED_GRACE
        time_machine_at(days=8)
        assert check(user, tier="gold").reason is Reason.DECLINED
        settings.PATREON = {"TIERS": TIERS, "DECLINED_GRACE": timedelta(days=9)}
        assert check(user, tier="gold")

    def test_old_news_closes(self, dance: Dance, time_machine_at, settings) -> None:
        dance.sign_in("gold")
        user = dance.user
        time_machine_at(days=15)
        assert check(user).reason is Reason.TOO_OLD
        settings.PATREON = {"MAX_AGE": timedelta(days=30)}
        assert check(user).allowed


class TestRules:
    def test_tiers_go_by_name_id_or_row(self, dance: Dance) -> None:
        dance.sign_in("gold")
        row = Tier.objects.get(patreon_id=GOLD)
        for tier in ("gold", GOLD, int(GOLD), row, ["silver", "gold"]):
            assert check(dance.user, tier=tier)

    def test_a_title_is_no_name(self, dance: Dance) -> None:
        """T13."""
        dance.sign_in("gold")
        assert check(dance.user, tier="Gold").reason is Reason.UNKNOWN_TIER
        assert check(dance.user, at_least="Gold").reason is Reason.UNKNOWN_TIER

    def test_a_renamed_or_repriced_tier_needs_nobodys_attention(self, dance: Dance) -> None:
        """T13."""
        dance.sign_in("gold")
        Tier.objects.filter(patreon_id=GOLD).update(title="Beacon", amount_cents=2000)
        assert check(dance.user, tier="gold")
        assert check(dance.user, cents=2000)

    @pytest.mark.parametrize("many", [["gold"], {"gold"}, frozenset({"gold"}), {"gold": 1}.keys()])
    def test_one_of_many_is_any_collection(self, dance: Dance, many: Any) -> None:
        dance.sign_in("gold")
        assert check(dance.user, tier=many)
        assert Rule(tier=many) == Rule(tier=["gold"])

    @pytest.mark.parametrize("tier", [[], "", (), frozenset(), {}])
    def test_no_tier_is_not_any_tier(self, dance: Dance, tier: Any) -> None:
        dance.sign_in("gold")
        assert not check(dance.user, tier=tier)
        assert check(dance.user, tier=None), "None is not asked for"

    def test_no_campaign_is_not_the_sites_own(self, dance: Dance) -> None:
        dance.sign_in("gold")
        assert check(dance.user, campaign="").reason is Reason.UNKNOWN_CAMPAIGN
        assert check(dance.user, campaign=None)

    @pytest.mark.parametrize(
        "wrong",
        [{"cents": "500"}, {"cents": True}, {"since": "2020"}]
        + [{"tier": 1.5}, {"tier": b"gold"}, {"tier": (t for t in ["gold"])}, {"at_least": []}],
    )
    def test_nonsense_is_refused_when_it_is_written(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(TypeError):
            patron_required(**wrong)

    def test_a_moment_without_a_time_zone_is_the_sites(self, dance: Dance) -> None:
        dance.sign_in("gold")
        naive = timezone.make_naive(timezone.now())
        assert check(dance.user, since=naive)
        assert not check(dance.user, since=naive - timedelta(days=300))


class TestCampaigns:
    """T4, and many creators on one site."""

    @pytest.fixture
    def two(self, dance: Dance, settings) -> Any:
        settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
        dance.sign_in("foreign-first")
        return dance.user

    def test_when_two_are_ours_a_rule_must_say_which(self, two: Any) -> None:
        Campaign.objects.update(is_ours=True)
        assert check(two).reason is Reason.UNKNOWN_CAMPAIGN
        assert check(two, campaign=HOME)
        assert check(two, campaign=Campaign.objects.get(patreon_id=FOREIGN), cents=1500)
        assert not check(two, campaign=HOME, cents=1500)

    def test_a_campaign_that_is_not_ours_has_its_prices(
        self, two: Any, settings, django_assert_num_queries
    ) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        foreign = Campaign.objects.get(patreon_id=FOREIGN)
        dear = foreign.tiers.create(patreon_id="77", amount_cents=1500, fetched_at=timezone.now())
        unpriced = foreign.tiers.create(patreon_id="78", fetched_at=timezone.now())
        with django_assert_num_queries(2):
            assert check(two, at_least="77", campaign=FOREIGN)
            assert not check(two, at_least="78", campaign=FOREIGN)
        assert not check(two, at_least="77"), "a number alone means the site's own campaign"
        for tier, opens in ((dear, True), (unpriced, False)):
            assert check(two, at_least=tier).allowed is opens
            assert check(two, at_least=tier, campaign=HOME).allowed is False

    def test_a_tier_is_of_its_own_campaign(self, two: Any, settings) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        theirs = Tier.objects.get(patreon_id=FOREIGN_GOLD)
        assert check(two, tier=theirs)
        assert check(two, tier=[theirs, theirs])
        assert not check(two, tier=[theirs, Tier.objects.get(patreon_id=SILVER)])
        source = "{% load patreon %}{{ user|is_patron:tier }}"
        assert Template(source).render(Context({"user": two, "tier": theirs})) == "True"

    def test_when_one_is_ours_it_is_meant(self, two: Any) -> None:
        assert check(two).reason is Reason.UNKNOWN_CAMPAIGN
        Campaign.objects.filter(patreon_id=HOME).update(is_ours=True)
        assert check(two)
        assert not check(two, cents=1500)

    def test_a_setting_is_stronger(self, two: Any, settings) -> None:
        Campaign.objects.update(is_ours=True)
        settings.PATREON = {"CAMPAIGN_ID": FOREIGN}
        assert check(two, cents=1500)

    def test_a_creator_sees_their_own_campaign_only(self, dance: Dance, two: Any) -> None:
        Campaign.objects.update(is_ours=True)
        stranger = User.objects.create_user("stranger")
        account = PatreonAccount.objects.create(user=stranger, patreon_id="1")
        Campaign.objects.filter(patreon_id=HOME).update(creator=account)
        assert check(stranger, campaign=HOME).reason is Reason.CREATOR
        assert not check(stranger, campaign=FOREIGN)


class TestTemplates:
    def render(self, source: str, **context: Any) -> str:
        """Render it for the user of a request, who is nobody unless given."""
        request = RequestFactory().get("/")
        request.user = context.get("user", AnonymousUser())
        made = Template("{% load patreon %}" + source)
        return made.render(RequestContext(request, context))

    def test_the_locked_part_knows_why(self, dance: Dance) -> None:
        dance.sign_in("free")
        source = (
            "{% patrons_only %}in{% locked %}{{ why }} {{ decision.reason }}{% endpatrons_only %}"
        )
        assert self.render(source, user=dance.user) == (
            "You follow this campaign for free; this is for paying patrons. never"
        )

    def test_without_a_locked_part_there_is_nothing_to_see(self, db: None) -> None:
        assert self.render("a{% patrons_only %}in{% endpatrons_only %}b") == "ab"

    @pytest.mark.parametrize("missing", [{}, {"x": None}, {"x": ""}, {"x": []}, {"x": 1.5}])
    @pytest.mark.parametrize(
        "gate",
        [f"patrons_only {name}=x" for name in Asked.__annotations__] + ["if user|is_patron:x"],
    )
    def test_a_variable_that_is_not_there_opens_to_nobody(
        self, dance: Dance, gate: str, missing: dict[str, Any]
    ) -> None:
        dance.sign_in("gold")
        end = "{% endif %}" if gate.startswith("if") else "{% endpatrons_only %}"
        source = f"{{% {gate} %}}in{end}"
        assert self.render(source, user=dance.user, **missing) == ""

    def test_one_that_is_there_is_asked_for(self, dance: Dance) -> None:
        dance.sign_in("gold")
        source = "{% patrons_only tier=x cents=c %}in{% endpatrons_only %}"
        assert self.render(source, user=dance.user, x=["gold"], c=1000) == "in"
        assert self.render("{{ user|is_patron:x }}", user=dance.user, x="gold") == "True"
        assert self.render('{{ user|is_patron:"" }}', user=dance.user) == "False"

    def test_what_no_rule_is_made_of_is_logged(self, dance: Dance, caplog) -> None:
        dance.sign_in("gold")
        self.render("{% patrons_only cents=x %}{% endpatrons_only %}", user=dance.user, x="5")
        assert "cents must be a whole number of cents, not '5'" in caplog.text

    @pytest.mark.parametrize("arguments", ['"gold"', 'level="gold"', 'cents="5"', "since='x'"])
    def test_nonsense_is_refused_when_it_is_read(self, arguments: str) -> None:
        with pytest.raises(TemplateSyntaxError):
            self.render(f"{{% patrons_only {arguments} %}}{{% endpatrons_only %}}")

    def test_a_user_who_is_not_there_is_no_patron(self, db: None) -> None:
        assert self.render("{% if user|is_patron %}in{% else %}out{% endif %}") == "out"

    def test_a_part_that_is_told_nothing_of_the_page_asks_about_its_reader(
        self, dance: Dance, rf
    ) -> None:
        dance.sign_in("gold")
        part = Template("{% load patreon %}{% patrons_only %}in{% endpatrons_only %}")
        request = rf.get("/")
        for request.user, seen in ((dance.user, "in"), (AnonymousUser(), "")):
            request.patreon = Patron(request=request)
            context = RequestContext(request, {"part": part})
            assert Template("{% include part only %}").render(context) == seen
        assert Template("{% include part only %}").render(Context({"part": part})) == ""


class TestLockedPage:
    def page(self, dance: Dance, form: str = "decorator", rule: str = "gold") -> str:
        return dance.client.get(f"/gates/{form}/{rule}/?page=2").content.decode()

    def test_it_says_what_one_needs_and_has_and_where_to_get_it(self, dance: Dance) -> None:
        dance.sign_in("bronze")
        page = self.page(dance)
        assert "the tier Gold" in page
        assert "<li>Bronze</li>" in page
        assert f'href="https://www.patreon.com/checkout/lanternhouse?rid={GOLD}"' in page
        assert 'action="/patreon/refresh/?next=/gates/decorator/gold/%3Fpage%3D2"' in page
        assert "check again" in page

    def test_the_cheapest_tier_that_is_enough_is_offered(self, dance: Dance) -> None:
        dance.sign_in("bronze")
        for rule in ("silver", "cents"):
            page = self.page(dance, rule=rule)
            assert f"rid={SILVER}" in page
            assert f"rid={GOLD}" not in page

    def test_who_is_not_linked_is_asked_to_connect(self, dance: Dance) -> None:
        dance.sign_in("gold")
        dance.client.logout()
        dance.client.force_login(
            User.objects.create_user("other"), "django.contrib.auth.backends.ModelBackend"
        )
        page = self.page(dance)
        assert "Connect Patreon" in page
        assert "check again" not in page

    def test_whose_link_is_broken_is_asked_to_reconnect_and_not_to_pay(self, dance: Dance) -> None:
        dance.sign_in("former")
        tokens.revoke(PatreonAccount.objects.get())
        page = self.page(dance)
        assert "Reconnect Patreon" in page
        assert "Join" not in page
        assert "You need" not in page

    def test_of_whom_nothing_was_heard_lately_is_asked_to_look_again(self, dance: Dance) -> None:
        dance.sign_in("gold")
        Membership.objects.update(fetched_at=timezone.now() - timedelta(days=30))
        page = self.page(dance)
        assert "too long since we last heard" in page
        assert "Check with Patreon again" in page
        assert "just joined" not in page
        assert "Join" not in page
        dance.client.post("/patreon/refresh/")
        assert says_open(self.page(dance))

    def test_its_own_address_shows_what_one_has(self, dance: Dance) -> None:
        dance.sign_in("gold")
        answer = dance.client.get("/patreon/locked/?next=//evil.example")
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<li>Gold</li>" in page
        assert "evil" not in page
        assert answer["Cache-Control"] == "private, no-store"

    def test_everybody_reads_it_in_their_own_language(self) -> None:
        assert set(SENTENCES) == set(Reason)
        with translation.override("de"):
            assert all(str(each) for each in SENTENCES.values())

    def test_needs_are_sentences(self) -> None:
        rules = Requirement(
            tiers=frozenset({"1", "2"}), cents=550, lifetime_cents=5000, since=timezone.now()
        )
        words = needs_in_words(rules, {})
        assert words[:3] == [
            "one of the tiers 1, 2",
            "a pledge of at least 5.50 a month",
            "50 given in all",
        ]
        assert needs_in_words(rules, {}, "EUR")[1:3] == [
            "a pledge of at least 5.50 EUR a month",
            "50 EUR given in all",
        ]
        assert needs_in_words(Requirement(), {}) == ["a paid membership"]
        assert needs_in_words(Requirement(tiers=frozenset()), {}) == []


@pytest.mark.parametrize(
    ("sign_in", "back"),
    [
        ("/login/", "/gates/decorator/gold/%3Fa%3D1"),
        ("http://testserver/login/", "/gates/decorator/gold/%3Fa%3D1"),
        ("https://testserver/login/", "http%3A//testserver/gates/decorator/gold/%3Fa%3D1"),
        ("https://id.example/in", "http%3A//testserver/gates/decorator/gold/%3Fa%3D1"),
    ],
)
def test_who_signs_in_elsewhere_finds_the_way_back(client, settings, sign_in, back) -> None:
    settings.LOGIN_URL = sign_in
    answer = client.get("/gates/decorator/gold/?a=1")
    assert answer["Location"] == f"{sign_in}?next={back}"


class TestCheckAgain:
    def test_it_looks_once_in_a_while(self, dance: Dance, time_machine_at) -> None:
        dance.sign_in("free")
        there = at_patreon(dance, "free")
        there.patron_status, there.tier_ids = "active_patron", [GOLD]
        there.last_charge_status, there.currently_entitled_amount_cents = "Paid", 1000
        answer = dance.client.post("/patreon/refresh/", {"next": "/gates/tag/gold/"}, follow=True)
        assert answer.redirect_chain == [("/gates/tag/gold/", 302)]
        assert answer.content == b"open"
        there.tier_ids = [SILVER]
        dance.client.post("/patreon/refresh/")
        assert check(dance.user, tier="gold")
        time_machine_at(minutes=1)
        dance.client.post("/patreon/refresh/")
        assert not check(dance.user, tier="gold")

    @pytest.mark.parametrize("kind", ["http_500_html", "http_429", "html_200"])
    def test_a_patreon_that_does_not_answer_changes_nothing(self, dance: Dance, kind: str) -> None:
        dance.sign_in("gold")
        dance.order(kind, path="/api/oauth2/v2/identity")
        answer = dance.client.post("/patreon/refresh/", {"next": "/gates/tag/gold/"}, follow=True)
        assert answer.content == b"open"

    def test_it_leads_nowhere_else(self, dance: Dance) -> None:
        dance.sign_in("gold")
        answer = dance.client.post("/patreon/refresh/", {"next": "//evil.example"})
        assert answer["Location"] == "/patreon/account/"

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("where", ["foo", "front", "login", "patreon:account"])
    def test_where_it_leads_is_an_address_and_no_name(
        self, dance: Dance, method: str, where: str
    ) -> None:
        dance.sign_in("gold")
        answer = getattr(dance.client, method)(f"/patreon/refresh/?next={where}")
        assert answer["Location"] in (where, "/patreon/account/")

    def test_who_had_to_sign_in_first_goes_on_from_there(self, dance: Dance) -> None:
        dance.sign_in("gold")
        dance.client.logout()
        page = "/gates/tag/gold/"
        sent = dance.client.post(f"/patreon/refresh/?next={page}")["Location"]
        back = parse_qs(urlsplit(sent).query)["next"][0]
        dance.sign_in("gold", next=back)
        assert dance.client.get(back)["Location"] == page
        assert dance.client.get("/patreon/refresh/")["Location"] == "/patreon/account/"
        assert dance.client.get("/patreon/refresh/?next=//evil.example")["Location"] == (
            "/patreon/account/"
        )
        assert dance.client.put("/patreon/refresh/").status_code == 405
        assert PatreonAccount.objects.get().last_look_at is None

    def test_who_is_not_connected_is_shown_how(self, client, django_user_model) -> None:
        client.force_login(
            django_user_model.objects.create_user("x"),
            "django.contrib.auth.backends.ModelBackend",
        )
        assert client.post("/patreon/refresh/")["Location"] == "/patreon/account/"


class TestFiles:
    def serve(self, rf, dance: Dance, path: str, **options: Any) -> Any:
        request = rf.get("/")
        request.user = dance.user
        return PatronFileView.as_view(root=ROOT, **options)(request, path=path)

    def test_the_web_server_may_do_the_work(self, rf, dance: Dance) -> None:
        dance.sign_in("gold")
        (ROOT / "ä b.mp3").write_text("sound")
        answer = self.serve(rf, dance, "ä b.mp3", accel="/protected/")
        assert answer["X-Accel-Redirect"] == "/protected/%C3%A4%20b.mp3"
        assert (answer.content, answer["Content-Type"]) == (b"", "audio/mpeg")
        answer = self.serve(rf, dance, "open.txt", x_sendfile=True, as_attachment=True)
        assert answer["X-Sendfile"] == str(ROOT / "open.txt")
        assert answer["Content-Disposition"] == 'attachment; filename="open.txt"'

    @pytest.mark.parametrize(
        "path",
        ["../settings.py", "/etc/passwd", "none.txt", "", "a\0b", "out", "x" * 300, "x/" * 3000],
    )
    def test_nothing_outside_the_folder_is_served(self, rf, dance: Dance, path: str) -> None:
        dance.sign_in("gold")
        link = ROOT / "out"
        if not link.is_symlink():
            link.symlink_to("/etc/hostname")
        with pytest.raises(Http404):
            self.serve(rf, dance, path)

    def test_who_may_not_have_it_learns_nothing_of_it(self, rf, dance: Dance) -> None:
        dance.sign_in("free")
        assert self.serve(rf, dance, "none.txt").status_code == 403

    @pytest.mark.parametrize("options", [{}, {"root": ""}, {"root": None}, {"root": Path("")}])
    def test_a_view_without_a_folder_is_refused_at_once(self, options: dict[str, Any]) -> None:
        with pytest.raises(ImproperlyConfigured, match="root="):
            PatronFileView.as_view(**options)

    def test_a_class_may_say_the_folder(self, rf, dance: Dance) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = dance.user
        files = type("Files", (PatronFileView,), {"root": ROOT, "x_sendfile": True})
        answer = files.as_view()(request, path="open.txt")
        assert answer["X-Sendfile"] == str(ROOT / "open.txt")

    def test_a_folder_that_is_found_to_be_none_serves_nothing(self, rf, dance: Dance) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = dance.user
        files = type("Files", (PatronFileView,), {"root": property(lambda self: "")})
        with pytest.raises(ImproperlyConfigured, match="root="):
            files.as_view()(request, path="pyproject.toml")

    def test_a_folder_may_be_set_for_each_request(self, rf, dance: Dance) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = dance.user

        class Files(PatronFileView):
            x_sendfile = True

            def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
                super().setup(request, *args, **kwargs)
                self.root = ROOT

        assert Files.as_view()(request, path="open.txt").status_code == 200

    def test_a_url_that_names_no_file_says_how_to(self, rf, dance: Dance) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = dance.user
        with pytest.raises(ImproperlyConfigured, match="<path:path>"):
            PatronFileView.as_view(root=ROOT)(request)


class TestRowsThatSayWhoSeesThem:
    def rows(self) -> list[Story]:
        now = timezone.now()
        days = (None, now - timedelta(days=1), now + timedelta(days=1))
        tiers = [None, *Tier.objects.all()]
        made = [
            Story(required_tier=tier, min_cents=cents, public_from=day, title=f"{tier} {cents} {n}")
            for tier in tiers
            for cents in (None, 0, 300, 1000)
            for n, day in enumerate(days)
        ]
        return Story.objects.bulk_create(made)

    @pytest.mark.parametrize(
        "slug",
        ["bronze", "gold", "free", "custom", "foreign-first", "foreign-only", "stranger", "creator"]
        + ["former", "two-tiers", "blank", "gold-annual"],
    )
    def test_the_filter_agrees_with_every_row(self, dance: Dance, settings, slug: str) -> None:
        settings.PATREON = {"TIERS": TIERS, "CAMPAIGN_ID": HOME}
        settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
        dance.sign_in("foreign-first")
        dance.client.logout()
        dance.sign_in(slug)
        rows, user = self.rows(), dance.user
        for grant in (
            None,
            {"cents": 400},
            {"tier": Tier.objects.get(patreon_id=SILVER)},
            {"cents": 999, "campaign": Campaign.objects.get(patreon_id=FOREIGN)},
            "ban",
        ):
            if grant == "ban":
                Grant.objects.deny(user, campaign=Campaign.objects.get(patreon_id=HOME))
            elif grant:
                Grant.objects.give(user, **grant)
            shown = set(Story.objects.visible_to(user))
            assert shown == {each for each in rows if each.decision_for(user).allowed}, grant
        assert len({*shown}) not in (0, len(rows))

    def test_so_it_does_where_a_price_is_unknown(self, dance: Dance) -> None:
        dance.sign_in("gifted")
        Tier.objects.filter(patreon_id=SILVER).update(amount_cents=None)
        rows, user = self.rows(), dance.user
        shown = set(Story.objects.visible_to(user))
        assert shown == {each for each in rows if each.decision_for(user).allowed}
        named = {e.required_tier.patreon_id for e in shown if e.required_tier and not e.public_from}
        assert named == {SILVER, FREE}

    def test_staff_see_all_and_nobody_sees_what_is_public(self, dance: Dance) -> None:
        dance.sign_in("gold")
        rows = self.rows()
        staff = User.objects.create_user("staff", is_staff=True)
        assert len(Story.objects.visible_to(staff)) == len(rows)
        for nobody in (None, AnonymousUser()):
            shown = set(Story.objects.visible_to(nobody))
            assert shown == {each for each in rows if each.decision_for(nobody).allowed}
            assert shown

    def test_rows_that_are_shown_say_why_without_a_query_each(
        self, dance: Dance, rf, django_assert_num_queries
    ) -> None:
        dance.sign_in("gold")
        self.rows()
        request = rf.get("/")
        request.user = dance.user
        with set_current_request(request), django_assert_num_queries(2):
            shown = list(Story.objects.visible_to(request.user))
            assert len({each.required_tier_id for each in shown}) == 5
            assert all(each.decision_for(request.user) for each in shown)

    @pytest.mark.parametrize("within", [False, True])
    def test_a_list_for_somebody_who_is_signed_out_asks_for_its_rows_only(
        self, dance: Dance, rf, django_assert_num_queries, within: bool
    ) -> None:
        dance.sign_in("gold")
        self.rows()
        show = Show.objects.create(campaign=Campaign.objects.get(patreon_id=HOME))
        for tier in (None, *Tier.objects.all()):
            Episode.objects.create(show=show, required_tier=tier)
        deactivated = User.objects.create_user("deactivated", is_active=False)
        for nobody in (AnonymousUser(), None, deactivated):
            request = rf.get("/")
            request.user = nobody
            for rows in (Story.objects.all(), Episode.objects.all()):
                with (
                    set_current_request(request) if within else nullcontext(),
                    django_assert_num_queries(1),
                ):
                    decisions = [row.decision_for(nobody) for row in rows]
                closed = [each for each in decisions if not each.allowed]
                assert {each.reason for each in closed} == {Reason.ANONYMOUS}
                if within:
                    assert patron_of(request).was_asked

    def test_what_somebody_who_is_signed_out_would_need_is_said_where_it_is_loaded(
        self, dance: Dance
    ) -> None:
        dance.sign_in("gold")
        Story.objects.create(required_tier=Tier.objects.get(patreon_id=GOLD), min_cents=5)
        (row,) = Story.objects.select_related("required_tier")
        needs = row.decision_for(AnonymousUser()).needs
        assert (needs.at_least.id, needs.at_least.amount_cents, needs.cents) == (GOLD, 1000, 5)
        assert Story.objects.get().decision_for(AnonymousUser()).needs is None

    def test_a_tier_of_nobody_here_is_read_when_it_is_needed(self, dance: Dance) -> None:
        dance.sign_in("gold")
        self.rows()
        elsewhere = Campaign.objects.create(patreon_id="8", fetched_at=timezone.now())
        tier = elsewhere.tiers.create(patreon_id="88", amount_cents=5, fetched_at=timezone.now())
        row = Story.objects.get(pk=Story.objects.create(required_tier=tier).pk)
        assert row.decision_for(dance.user).reason is Reason.NO_MEMBERSHIP
        assert row.decision_for(AnonymousUser()).reason is Reason.ANONYMOUS
        Grant.objects.give(dance.user, cents=5)
        assert row.decision_for(dance.user)
        assert row in Story.objects.visible_to(dance.user)

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="plans differ")
    def test_a_list_is_found_by_its_indexes(self, dance: Dance) -> None:
        dance.sign_in("bronze")
        tomorrow = timezone.now() + timedelta(days=1)
        tiers = {each.patreon_id: each for each in Tier.objects.all()}
        made = [Story(required_tier=tiers[GOLD], public_from=tomorrow) for _ in range(20_000)]
        made += [Story(required_tier=tiers[BRONZE]), Story(required_tier=tiers[FREE]), Story()]
        Story.objects.bulk_create(made, batch_size=5000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE gates_story")
        found = Story.objects.visible_to(dance.user)
        plan = found.explain()
        assert "BitmapOr" in plan
        assert "Seq Scan" not in plan
        assert found.count() == 3

    def test_rows_may_be_of_another_campaign(self, dance: Dance, settings) -> None:
        settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
        settings.PATREON = {"TIERS": TIERS, "CAMPAIGN_ID": HOME}
        dance.sign_in("foreign-first")
        Membership.objects.filter(campaign_id=HOME).delete()
        row = Story.objects.create()
        theirs = Campaign.objects.get(patreon_id=FOREIGN)
        for campaign, opens in ((None, False), (HOME, False), (FOREIGN, True), (theirs, True)):
            assert row.decision_for(dance.user, campaign=campaign).allowed is opens
            shown = Story.objects.visible_to(dance.user, campaign=campaign)
            assert list(shown) == ([row] if opens else [])

    def test_a_row_that_will_be_public_says_when(self, dance: Dance) -> None:
        dance.sign_in("free")
        tomorrow = timezone.now() + timedelta(days=1)
        assert Story(public_from=tomorrow).decision_for(dance.user).until == tomorrow


@pytest.mark.django_db(transaction=True)
class TestAsync:
    """ASGI: Django's own handler, with the middleware and every async form."""

    @pytest.mark.parametrize(
        ("slug", "opens"),
        [
            ("gold", {"any", "gold", "silver", "cents", "given"}),
            ("custom", {"any", "silver", "cents"}),
            ("former", set()),
            (None, set()),
        ],
    )
    def test_every_form_works(self, dance: Dance, slug: str | None, opens: set[str]) -> None:
        if slug:
            dance.sign_in(slug)
        client = AsyncClient()
        client.cookies = dance.client.cookies

        async def visit() -> dict[tuple[str, str], str]:
            found = {}
            for form in FORMS:
                for rule in RULES:
                    answer = await client.get(f"/gates/{form}/{rule}/")
                    found[form, rule] = text_of(answer)
                    assert answer["Cache-Control"] == "private, no-store"
            return found

        found = async_to_sync(visit)()
        for (_, rule), text in found.items():
            assert says_open(text) is (rule in opens)


def test_a_patron_of_the_last_of_many_campaigns_comes_in(dance: Dance, settings) -> None:
    now = timezone.now()
    Campaign.objects.bulk_create(
        Campaign(patreon_id=str(n), is_ours=True, fetched_at=now) for n in range(MOST_CAMPAIGNS + 9)
    )
    dance.sign_in("gold")
    silver = Tier.objects.get(patreon_id=SILVER)
    for chosen in (None, "3"):
        settings.PATREON = {"TIERS": TIERS, "CAMPAIGN_ID": chosen}
        assert check(dance.user, at_least=SILVER, campaign=HOME)
        assert check(dance.user, at_least=silver)
        row = Story.objects.create(required_tier=silver)
        assert row.decision_for(dance.user)
        assert row in Story.objects.visible_to(dance.user)


def test_a_price_of_another_campaign_says_nothing(dance: Dance, settings) -> None:
    """T4, T11: neither a membership nor a pass elsewhere makes that tier the measure here."""
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    settings.PATREON = {"TIERS": TIERS, "CAMPAIGN_ID": HOME}
    dance.sign_in("foreign-first")
    theirs = Tier.objects.filter(campaign_id=FOREIGN, amount_cents__gt=0).earliest("amount_cents")
    Tier.objects.filter(pk=theirs.pk).update(amount_cents=1)
    theirs.refresh_from_db()
    assert check(dance.user, cents=1)
    assert check(dance.user, at_least=theirs.patreon_id).reason is Reason.HIGHER_TIER
    assert check(dance.user, at_least=theirs, campaign=HOME).reason is Reason.HIGHER_TIER
    Grant.objects.give(dance.user, tier=theirs)
    assert check(dance.user, at_least=theirs.patreon_id).reason is Reason.HIGHER_TIER
    assert check(dance.user, at_least=theirs)


def test_a_rule_that_is_written_wrongly_says_how_to_write_it(caplog) -> None:
    with pytest.raises(ValueError, match="cents must be 0 cents or more, not -5"):
        Rule(cents=-5)
    rule = Rule(tier="golld")
    for _ in range(3):
        assert rule.requirement({}, None).tiers == frozenset()
    assert caplog.messages == [
        "A rule names the tier 'golld', which nobody knows: it opens to nobody."
        " Did you mean 'gold'?"
    ]


@pytest.mark.parametrize("nobody", ["bob", 5, "", object()])
def test_what_is_no_user_may_not_come_in(db: None, rf: Any, nobody: Any) -> None:
    assert check(nobody).reason is Reason.ANONYMOUS
    with set_current_request(rf.get("/")):
        assert check(nobody).reason is Reason.ANONYMOUS
        assert list(Story.objects.visible_to(nobody)) == []


def test_every_kind_of_query_is_counted_for_a_person_without_anything(db: None) -> None:
    user = User.objects.create_user("nobody")
    patron = Patron(user)
    assert patron.check().reason is Reason.UNKNOWN_CAMPAIGN
    assert patron.has() == []
    assert Rule().unknown_tiers == []


def test_a_database_that_gates_are_not_made_for_is_named() -> None:
    with pytest.raises(NotSupportedError, match="this is oracle"):
        statement("oracle", chosen=False)


def test_an_editor_knows_the_arguments_of_a_gate() -> None:
    assert Asked.__annotations__.keys() == Rule.__dataclass_fields__.keys()
    with pytest.raises(TypeError, match="teir"):
        check(AnonymousUser(), teir="gold")  # type: ignore[call-arg]
