"""Memberships as they come with an identity: whose, of what, and what is newer."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_patreon import sync
from django_patreon.access import check
from django_patreon.models import Campaign, Membership, PatreonAccount, Tier
from django_patreon.resources import Member, parse_identity
from django_patreon.resources import Tier as TierResource
from django_patreon.sandbox.ids import BRONZE, FOREIGN, FREE, GOLD, HOME, SILVER
from django_patreon.sandbox.world.models import Member as SandboxMember
from django_patreon.signals import membership_changed
from tests.dance import Dance

SAMPLES = Path(__file__).parent.parent / "samples"
ALL = ["identity.memberships"]


def at_patreon(dance: Dance, slug: str, campaign: str = HOME) -> SandboxMember:
    person = dance.sandbox.world.person_called(slug)
    assert person is not None
    return next(
        each
        for each in dance.sandbox.world.memberships_of(person.id)
        if each.campaign_id == campaign
    )


def mine(dance: Dance, campaign: str = HOME) -> Membership:
    return dance.user.patreon_account.memberships.get(campaign__patreon_id=campaign)


def tier_ids(membership: Membership) -> set[str]:
    return set(membership.tiers.values_list("patreon_id", flat=True))


def quoted(kind: str) -> str:
    return connection.ops.quote_name(f"django_patreon_{kind}")


def again(dance: Dance) -> sync.Saved:
    return sync.sync_account(dance.user.patreon_account)


class TestAtSignIn:
    def test_everything_that_patreon_said_is_kept(self, dance: Dance) -> None:
        dance.sign_in("gold-annual")
        row, there = mine(dance), at_patreon(dance, "gold-annual")
        for name in (
            "patron_status",
            "last_charge_status",
            "last_charge_date",
            "next_charge_date",
            "pledge_relationship_start",
            "currently_entitled_amount_cents",
            "will_pay_amount_cents",
            "campaign_lifetime_support_cents",
            "pledge_cadence",
            "is_gifted",
            "is_free_trial",
        ):
            assert getattr(row, name) == getattr(there, name), name
        assert (row.patreon_id, row.patreon_user_id) == (there.id, there.user_id)
        assert row.full_name == "Anna Lindqvist"
        assert tier_ids(row) == {GOLD, FREE}
        assert timezone.now() - row.fetched_at < timedelta(minutes=1)

    def test_campaign_and_tiers_have_what_rules_and_pages_need(self, dance: Dance) -> None:
        dance.sign_in("gold")
        campaign = Campaign.objects.get()
        assert (campaign.patreon_id, campaign.currency, campaign.is_ours) == (HOME, "EUR", True)
        assert str(campaign) == "Lanternhouse"
        gold = campaign.tiers.get(patreon_id=GOLD)
        assert (gold.title, gold.amount_cents, gold.published) == ("Gold", 1000, True)
        assert gold.checkout_url.startswith("https://www.patreon.com/checkout/")
        assert f"rid={GOLD}" in gold.checkout_url

    def test_other_campaigns_are_kept_and_are_not_ours(self, dance: Dance, settings) -> None:
        """T4."""
        settings.SOCIAL_AUTH_PATREON_SCOPE = ALL
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        dance.sign_in("foreign-first")
        assert tier_ids(mine(dance)) == {BRONZE, FREE}
        assert mine(dance, FOREIGN).campaign.is_ours is False
        assert mine(dance).campaign.is_ours is True

    def test_of_all_memberships_none_is_ours_by_itself(self, dance: Dance, settings) -> None:
        """T4: with that scope Patreon no longer tells which campaign the client belongs to."""
        settings.SOCIAL_AUTH_PATREON_SCOPE = ALL
        dance.sign_in("foreign-only")
        assert not Campaign.objects.filter(is_ours=True).exists()

    def test_a_creator_who_gives_us_rights_makes_a_campaign_ours(
        self, dance: Dance, settings
    ) -> None:
        settings.SOCIAL_AUTH_PATREON_SCOPE = ["campaigns", "campaigns.members"]
        dance.sign_in("foreign-creator")
        campaign = Campaign.objects.get(patreon_id=FOREIGN)
        assert (campaign.is_ours, campaign.creator) == (True, dance.user.patreon_account)
        assert campaign.tiers.paid().get().amount_cents == 1500

    def test_a_stranger_has_none(self, dance: Dance) -> None:
        dance.sign_in("stranger")
        assert not Membership.objects.exists()

    def test_the_address_is_not_the_memberships(self, dance: Dance) -> None:
        dance.sign_in("gold")
        assert mine(dance).email == ""

    def test_a_second_sign_in_changes_nothing_but_the_date(self, dance: Dance) -> None:
        dance.sign_in("gold")
        before = mine(dance)
        dance.sign_in("gold")
        after = mine(dance)
        assert after.fetched_at > before.fetched_at
        assert after.pk == before.pk

    def test_a_second_sign_in_asks_for_each_kind_of_row_once(self, dance: Dance) -> None:
        dance.sign_in("two-tiers")
        with CaptureQueriesContext(connection) as found:
            dance.sign_in("two-tiers")
        asked = [
            re.sub(r"^SELECT.*? FROM", "SELECT FROM", each["sql"])
            for each in found
            if "django_patreon" in each["sql"] and "membership" not in each["sql"]
        ]
        kinds = ("patreonaccount", "campaign", "tier")
        reads = {
            kind: sum(sql.startswith(f"SELECT FROM {quoted(kind)}") for sql in asked)
            for kind in kinds
        }
        assert reads == {"patreonaccount": 1, "campaign": 1, "tier": 1}

    def test_a_membership_without_a_campaign_is_ignored_and_logged(self, db: None, caplog) -> None:
        """T4."""
        document = json.loads((SAMPLES / "identity_with_memberships.json").read_text())
        for each in document["included"]:
            if each["type"] == "member":
                del each["relationships"]["campaign"]
        saved = save(document)
        assert (saved.created, saved.ignored) == (0, 2)
        assert "without a campaign" in caplog.text

    def test_patreons_own_sample_is_read(self, db: None) -> None:
        save(json.loads((SAMPLES / "identity_with_memberships.json").read_text()))
        assert Membership.objects.count() == 2
        assert Membership.objects.exclude(account=None).count() == 2


def account_of(patreon_id: str) -> PatreonAccount:
    user = get_user_model().objects.create_user(f"user{patreon_id}")
    return PatreonAccount.objects.create(user=user, patreon_id=patreon_id)


def save(document: dict[str, Any]) -> sync.Saved:
    identity = parse_identity(document)
    return sync.save_identity(
        identity,
        account=account_of(identity.user.id),
        scopes=["identity"],
        fetched_at=timezone.now(),
    )


def test_who_leaves_while_patreon_is_asked_is_left_alone(dance: Dance, patreon: Any) -> None:
    dance.sign_in("gold")
    account = dance.user.patreon_account
    answer = json.dumps({"data": {"type": "user", "id": account.patreon_id}})

    def leave(request: Any) -> tuple[int, dict[str, str], str]:
        PatreonAccount.objects.all().delete()
        return 200, {}, answer

    patreon.reset()
    patreon.add_callback("GET", re.compile(r".*/identity\b.*"), leave)
    assert sync.sync_account(account) == sync.Saved()


class TestWhoseSiteItIs:
    """T4: the address that leads to Patreon is in the visitor's hands, and so are its scopes."""

    RIGHTS = "campaigns campaigns.members"

    def creator(self, dance: Dance, slug: str = "foreign-creator", scope: str = RIGHTS) -> None:
        address = dance.begin()
        dance.finish(dance.consent(address, sandbox_user=slug, scope=f"identity {scope}"))
        assert "campaigns.members" in dance.user.patreon_account.scopes

    def ours(self) -> set[str]:
        return set(Campaign.objects.filter(is_ours=True).values_list("patreon_id", flat=True))

    @pytest.mark.parametrize("asked", [ALL, [*ALL, "campaigns.members"]])
    def test_a_creator_cannot_make_it_theirs_by_an_address_of_their_own(
        self, dance: Dance, settings, asked: list[str]
    ) -> None:
        settings.SOCIAL_AUTH_PATREON_SCOPE = asked
        self.creator(dance, scope=" ".join([*ALL, self.RIGHTS]))
        assert Campaign.objects.get(patreon_id=FOREIGN).creator == dance.user.patreon_account
        assert self.ours() == set()

    def test_who_signs_in_first_is_believed_until_a_patron_knows_better(self, dance: Dance) -> None:
        self.creator(dance, scope=" ".join([*ALL, self.RIGHTS]))
        stranger = dance.user
        assert self.ours() == {FOREIGN}
        dance.client.logout()
        dance.sign_in("gold")
        assert self.ours() == {HOME}
        assert check(dance.user)
        assert not check(stranger)
        dance.client.logout()
        self.creator(dance, scope=" ".join([*ALL, self.RIGHTS]))
        assert self.ours() == {HOME}

    def test_the_creator_who_signs_in_first_sees_their_own_site(self, dance: Dance) -> None:
        dance.sign_in("creator")
        assert self.ours() == {HOME}
        assert check(dance.user, at_least="9100003").reason == "creator"
        dance.client.logout()
        dance.sign_in("gold")
        assert self.ours() == {HOME}
        assert not Campaign.objects.get(patreon_id=HOME).is_claimed

    def test_nor_when_they_leave_out_what_the_site_asks_for(self, dance: Dance, settings) -> None:
        settings.SOCIAL_AUTH_PATREON_SCOPE = ALL
        self.creator(dance)
        assert self.ours() == set()

    def test_nor_shut_a_site_that_has_a_campaign(self, dance: Dance, settings) -> None:
        dance.sign_in("gold")
        patron = dance.user
        dance.client.logout()
        for asked in ([], ["campaigns.members"]):
            settings.SOCIAL_AUTH_PATREON_SCOPE = asked
            self.creator(dance)
            assert self.ours() == {HOME}
            assert check(patron)

    def test_what_the_site_says_is_all_there_is(self, dance: Dance, settings) -> None:
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        settings.SOCIAL_AUTH_PATREON_SCOPE = ["campaigns.members"]
        self.creator(dance)
        dance.client.logout()
        dance.sign_in("gold")
        assert self.ours() == {HOME}

    def test_an_answer_about_several_campaigns_names_none(self, db: None) -> None:
        save(json.loads((SAMPLES / "identity_with_memberships.json").read_text()))
        assert Campaign.objects.count() > 1
        assert self.ours() == set()

    def test_where_none_is_a_look_at_ones_membership_names_one(self, dance: Dance) -> None:
        dance.sign_in("gold")
        Campaign.objects.update(is_ours=False)
        again(dance)
        assert self.ours() == {HOME}


class TestPeopleMeet:
    def test_who_joined_before_they_came_here(self, dance: Dance) -> None:
        there = at_patreon(dance, "gold")
        campaign = Campaign.objects.create(patreon_id=HOME, fetched_at=timezone.now())
        early = sync.save_member(
            Member(id=there.id, user_id=there.user_id, tier_ids=(GOLD,)),
            campaign=campaign,
            tiers={},
            fetched_at=timezone.now(),
        )
        assert list(Membership.objects.without_account()) == [early]
        dance.sign_in("gold")
        assert mine(dance).pk == early.pk

    def test_also_when_their_own_sign_in_does_not_name_it(self, dance: Dance) -> None:
        there = at_patreon(dance, "foreign-only", FOREIGN)
        campaign = Campaign.objects.create(patreon_id=FOREIGN, fetched_at=timezone.now())
        sync.save_member(
            Member(id=there.id, user_id=there.user_id, tier_ids=()),
            campaign=campaign,
            tiers={},
            fetched_at=timezone.now(),
        )
        dance.sign_in("foreign-only")
        assert mine(dance, FOREIGN).patreon_id == there.id

    def test_who_came_here_before_they_joined(self, dance: Dance) -> None:
        dance.sign_in("stranger")
        account = dance.user.patreon_account
        campaign = Campaign.objects.create(patreon_id=HOME, fetched_at=timezone.now())
        row = sync.save_member(
            Member(id="6d0d8d2e", user_id=account.patreon_id, tier_ids=()),
            campaign=campaign,
            tiers={},
            fetched_at=timezone.now(),
        )
        assert row.account == account

    def test_a_membership_outlives_its_account_and_finds_it_again(self, dance: Dance) -> None:
        dance.sign_in("gold")
        get_user_model().objects.all().delete()
        assert Membership.objects.get().account is None
        dance.sign_in("gold")
        assert Membership.objects.get().account == dance.user.patreon_account

    def test_two_people_whom_patreon_does_not_name_are_not_one(self, db: None) -> None:
        campaign = Campaign.objects.create(patreon_id=HOME, fetched_at=timezone.now())
        account_of("77")
        for key in ("a", "b"):
            row = sync.save_member(
                Member(id=key, tier_ids=()),
                campaign=campaign,
                tiers={},
                fetched_at=timezone.now(),
            )
            assert row.account is None


def tell(row: Membership, fetched_at: datetime | None = None, **news: Any) -> Membership:
    """Bring news of a membership, as whoever hears of it does: with nothing around it."""
    return sync.save_member(
        Member(id=row.patreon_id, **news),
        campaign=row.campaign,
        tiers={},
        fetched_at=fetched_at or timezone.now(),
    )


class TestNews:
    def test_the_newest_wins_in_whatever_order_it_comes(self, dance: Dance) -> None:
        dance.sign_in("gold")
        row = mine(dance)
        late = sync.save_member(
            Member(id=row.patreon_id, user_id=row.patreon_user_id, tier_ids=(BRONZE,)),
            campaign=row.campaign,
            tiers={},
            fetched_at=row.fetched_at - timedelta(seconds=1),
        )
        assert (late.patron_status, tier_ids(late)) == ("active_patron", {GOLD, FREE})

    def test_a_new_tier_takes_the_place_of_the_old(self, dance: Dance) -> None:
        dance.sign_in("gold")
        at_patreon(dance, "gold").tier_ids = [SILVER]
        assert again(dance).changed == 1
        assert tier_ids(mine(dance)) == {SILVER}
        assert again(dance).unchanged == 1

    def test_a_renamed_tier_is_the_same_tier(self, dance: Dance) -> None:
        """T13."""
        dance.sign_in("gold")
        before = Tier.objects.get(patreon_id=GOLD)
        dance.sandbox.world.tiers[GOLD].title = "Beacon"
        again(dance)
        assert Tier.objects.get(patreon_id=GOLD).pk == before.pk
        assert Tier.objects.get(patreon_id=GOLD).title == "Beacon"

    def test_whoever_listens_hears_what_has_changed(
        self, dance: Dance, django_capture_on_commit_callbacks
    ) -> None:
        heard: list[tuple[bool, frozenset[str]]] = []

        def listen(sender, membership, created, changed, **kwargs):
            heard.append((created, changed))

        membership_changed.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                dance.sign_in("gold")
                assert heard == []
            at_patreon(dance, "gold").tier_ids = [SILVER]
            with django_capture_on_commit_callbacks(execute=True):
                again(dance)
                again(dance)
        finally:
            membership_changed.disconnect(listen)
        assert [created for created, _ in heard] == [True, False]
        assert heard[1][1] == {"tiers"}

    def test_what_a_database_cannot_hold_is_dropped(self, dance: Dance) -> None:
        dance.sign_in("gold")
        row = mine(dance)
        saved = sync.save_member(
            Member(
                id=row.patreon_id,
                user_id=row.patreon_user_id,
                tier_ids=("new",),
                patron_status="x" * 100,
                pledge_cadence=-1,
                currently_entitled_amount_cents=2**70,
                next_charge_date=datetime(1, 1, 1, tzinfo=UTC),
            ),
            campaign=row.campaign,
            tiers={},
            fetched_at=timezone.now(),
        )
        saved.refresh_from_db()
        assert saved.patron_status == "x" * 32
        assert saved.pledge_cadence is None
        assert saved.currently_entitled_amount_cents is None
        assert saved.next_charge_date is None
        assert Tier.objects.get(patreon_id="new").amount_cents is None

    def test_a_person_who_is_not_named_is_not_forgotten(self, dance: Dance) -> None:
        """Patreon masks who a member is at times (trap 28)."""
        dance.sign_in("gold")
        row = mine(dance)
        tell(row, patron_status="active_patron", last_charge_status="Paid", tier_ids=(GOLD,))
        assert mine(dance).patreon_user_id == row.patreon_user_id
        assert check(dance.user, tier=GOLD)

    @pytest.mark.parametrize(
        ("status", "cents", "kept"),
        [("active_patron", 0, True), ("former_patron", 0, False), ("former_patron", 5, True)],
    )
    def test_a_gift_of_whose_tiers_nothing_is_said_keeps_them(
        self, dance: Dance, status: str, cents: int, kept: bool
    ) -> None:
        dance.sign_in("gifted")
        row = mine(dance)
        tell(row, patron_status=status, is_gifted=True, currently_entitled_amount_cents=cents)
        assert (SILVER in tier_ids(row)) is kept

    @pytest.mark.parametrize("name", ["patron_status", "last_charge_status"])
    @pytest.mark.parametrize("odd", [7, True, {"is": "paused"}, ["active_patron"], ""])
    def test_a_word_that_is_no_text_is_one_that_nobody_knows(
        self, dance: Dance, name: str, odd: Any
    ) -> None:
        setattr(at_patreon(dance, "gold"), name, odd)
        dance.sign_in("gold")
        reason = {"patron_status": "unknown_status", "last_charge_status": "unknown_charge"}
        assert check(dance.user).reason == reason[name]

    def test_a_word_that_nobody_knows_is_said_once(self, dance: Dance, caplog) -> None:
        dance.sign_in("gold")
        row = mine(dance)
        for status, charge in (("paused_patron", "Paid"), ("paused_patron", "Chargeback")):
            for _ in range(2):
                tell(row, patron_status=status, last_charge_status=charge)
        said = [each.getMessage() for each in caplog.records if "nobody knows" in each.getMessage()]
        assert len(said) == 2
        assert "patron_status 'paused_patron'" in said[0]
        assert "last_charge_status 'Chargeback'" in said[1]
        assert all(row.patreon_id in each and row.full_name not in each for each in said)

    @pytest.mark.django_db(transaction=True)
    def test_one_membership_is_saved_whole_or_not_at_all(self, dance: Dance) -> None:
        dance.sign_in("gold")
        row = mine(dance)

        def fail(execute: Any, sql: str, *given: Any) -> Any:
            if sql.startswith("UPDATE"):
                raise RuntimeError("the database is gone")
            return execute(sql, *given)

        with connection.execute_wrapper(fail), pytest.raises(RuntimeError):
            tell(row, tier_ids=("new",))
        assert not Tier.objects.filter(patreon_id="new").exists()
        tell(row, tier_ids=("new",))
        assert tier_ids(row) == {"new"}

    @pytest.mark.parametrize(("store", "kept"), [(True, "a@example.org"), (False, "")])
    def test_addresses_are_kept_only_if_the_site_says_so(
        self, dance: Dance, settings, store: bool, kept: str
    ) -> None:
        dance.sign_in("gold")
        settings.PATREON = {"STORE_EMAIL": store}
        row = mine(dance)
        for email in ("a@example.org", None):
            row = sync.save_member(
                Member(id=row.patreon_id, user_id=row.patreon_user_id, email=email, note="hi"),
                campaign=row.campaign,
                tiers={},
                fetched_at=timezone.now(),
            )
            assert (row.email, row.note) == (kept, "hi")


class TestTheCatalogue:
    """Campaigns and tiers have a newest fact, too."""

    def price(self, hours: float, cents: int) -> int | None:
        at = timezone.now() - timedelta(hours=hours)
        campaign = Campaign.objects.get_or_create(patreon_id=HOME, defaults={"fetched_at": at})[0]
        sync.save_member(
            Member(id="m", tier_ids=(GOLD,)),
            campaign=campaign,
            tiers={GOLD: TierResource(id=GOLD, amount_cents=cents)},
            fetched_at=at,
        )
        return Tier.objects.get(patreon_id=GOLD).amount_cents

    def test_what_is_older_than_the_same_news_again_changes_nothing(self, db: None) -> None:
        assert self.price(9, 500) == 500
        assert self.price(1, 500) == 500
        assert self.price(5, 1000) == 500
        assert self.price(0.5, 1000) == 1000

    def test_the_same_news_again_is_not_written_every_time(self, dance: Dance) -> None:
        dance.sign_in("gold")
        for _ in range(2):
            with CaptureQueriesContext(connection) as found:
                again(dance)
            writes = [each["sql"] for each in found if each["sql"].startswith("UPDATE")]
            assert not [each for each in writes if "campaign" in each.split("SET")[0]]
            assert not [each for each in writes if "tier" in each.split("SET")[0]]


class TestBlanks:
    """T12: what is no longer listed is remembered, from the first reading without it."""

    def blank(self, dance: Dance, slug: str = "gold") -> None:
        there = at_patreon(dance, slug)
        there.tier_ids, there.currently_entitled_amount_cents = [], 0

    def test_a_blank_remembers_what_was_there(self, dance: Dance) -> None:
        dance.sign_in("gold")
        assert mine(dance).remembered is None
        self.blank(dance)
        again(dance)
        first = mine(dance)
        assert first.remembered == {"tiers": {GOLD: 1000, FREE: 0}, "cents": 1000, "months": 1}
        assert first.blank_since == first.fetched_at
        again(dance)
        assert mine(dance).blank_since == first.blank_since
        assert mine(dance).remembered == first.remembered

    def test_tiers_that_go_before_the_amount_are_remembered_once(self, dance: Dance) -> None:
        dance.sign_in("gold")
        at_patreon(dance, "gold").tier_ids = []
        again(dance)
        first = mine(dance)
        assert first.remembered is not None
        self.blank(dance)
        again(dance)
        assert mine(dance).remembered == first.remembered
        assert mine(dance).blank_since == first.blank_since

    def test_what_comes_back_is_no_blank(self, dance: Dance) -> None:
        dance.sign_in("gold")
        self.blank(dance)
        again(dance)
        at_patreon(dance, "gold").tier_ids = [SILVER]
        again(dance)
        assert (mine(dance).blank_since, mine(dance).remembered) == (None, None)

    def test_a_first_reading_that_is_blank_has_nothing_to_remember(self, dance: Dance) -> None:
        dance.sign_in("blank")
        first = mine(dance)
        assert (first.blank_since, first.remembered) == (first.fetched_at, None)
        again(dance)
        assert mine(dance).blank_since == first.blank_since

    def test_an_amount_without_a_tier_is_no_blank(self, dance: Dance) -> None:
        dance.sign_in("custom")
        assert mine(dance).blank_since is None
        again(dance)
        assert mine(dance).blank_since is None

    def test_a_membership_that_is_listed_no_more_is_blank(self, dance: Dance) -> None:
        dance.sign_in("gold")
        there = at_patreon(dance, "gold")
        del dance.sandbox.world.members[there.id]
        again(dance)
        assert mine(dance).remembered["tiers"] == {GOLD: 1000, FREE: 0}
        assert tier_ids(mine(dance)) == set()

    @pytest.mark.parametrize("slug", ["free", "former"])
    def test_who_joins_again_has_another_and_is_let_in(self, dance: Dance, slug: str) -> None:
        """The old one is found gone in the answer that lists the new one."""
        dance.sign_in(slug)
        assert not check(dance.user)
        members = dance.sandbox.world.members
        for key in ("0000", "ffff"):
            there = members.pop(at_patreon(dance, slug).id)
            there = replace(there, given_id=key, patron_status="active_patron", tier_ids=[GOLD])
            there = replace(there, last_charge_status="Paid", currently_entitled_amount_cents=1000)
            members[key] = there
            again(dance)
            assert check(dance.user, tier=GOLD)
        assert dance.user.patreon_account.memberships.count() == 3

    def test_one_that_the_scopes_do_not_show_is_left_alone(self, dance: Dance, settings) -> None:
        settings.SOCIAL_AUTH_PATREON_SCOPE = ALL
        settings.PATREON = {"CAMPAIGN_ID": HOME}
        dance.sign_in("foreign-first")
        account = dance.user.patreon_account
        identity = parse_identity({"data": {"type": "user", "id": account.patreon_id}})
        sync.save_identity(
            identity, account=account, scopes=["identity"], fetched_at=timezone.now()
        )
        assert mine(dance, FOREIGN).blank_since is None
        assert mine(dance).blank_since is not None


class TestAskingForPeople:
    def test_querysets_read_like_sentences(self, dance: Dance, settings) -> None:
        settings.PATREON = {"TIERS": {"gold": GOLD}}
        found: dict[str, Membership] = {}
        for slug in ("gold", "free", "gifted", "custom", "blank"):
            dance.sign_in(slug)
            found[slug] = mine(dance)
            dance.client.logout()
        home = Campaign.objects.get()
        everybody = Membership.objects
        assert set(everybody.paying()) == {found["gold"], found["gifted"], found["custom"]}
        for campaign in (home, HOME):
            for tier in ("gold", GOLD, Tier.objects.get(patreon_id=GOLD)):
                assert list(everybody.paying().for_campaign(campaign).with_tier(tier)) == [
                    found["gold"]
                ]
        assert not everybody.for_campaign(FOREIGN).exists()

    def test_one_person_may_look_again_once_in_a_while(self, dance: Dance, time_machine_at) -> None:
        dance.sign_in("gold")
        account = dance.user.patreon_account
        assert [sync.may_look_again(account) for _ in range(3)] == [True, False, False]
        time_machine_at(minutes=1)
        assert sync.may_look_again(account)


@pytest.mark.parametrize(("written", "months"), [("12", 12), ("1", 1), (12, 12), ("twelve", None)])
def test_a_cadence_that_is_written_as_text_counts_as_the_number(
    written: object, months: int | None
) -> None:
    """Patreon documents `pledge_cadence` as text now. 120 a year is 10 a month, and not 120."""
    user = {"id": "1", "type": "user", "attributes": {}}
    listed = {"memberships": {"data": [{"id": "m", "type": "member"}]}}
    member = {"id": "m", "type": "member", "attributes": {"pledge_cadence": written}}
    identity = parse_identity({"data": user | {"relationships": listed}, "included": [member]})
    assert identity.memberships[0].pledge_cadence == months
