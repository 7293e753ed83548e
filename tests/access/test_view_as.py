"""Staff look at the site as a patron of some tier, since a creator cannot be one of their own."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.test import Client

from django_patreon.models import Grant, Tier
from django_patreon.sandbox.ids import FREE, GOLD, SILVER
from tests.dance import Dance
from tests.gates.models import Story
from tests.gates.urls import says_open

User = get_user_model()
BANNER = "You are looking at the site as"
PAGE = "/gates/page/"


@pytest.fixture
def staff(dance: Dance) -> Client:
    dance.sign_in("gold")
    client = Client()
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def view_as(client: Client, **form: str) -> Any:
    return client.post("/patreon/view-as/", form)


def opens(client: Client, rule: str, form: str = "tag") -> bool:
    return says_open(client.get(f"/gates/{form}/{rule}/").content.decode())


def test_every_gate_is_as_it_is_for_that_patron(staff: Client) -> None:
    assert opens(staff, "gold")
    view_as(staff, tier=SILVER)
    for form in ("tag", "decorator", "function", "api", "klass"):
        assert not opens(staff, "gold", form)
        assert opens(staff, "silver", form)
    view_as(staff, tier="")
    assert not opens(staff, "any")
    view_as(staff, stop="1")
    assert opens(staff, "gold")


def test_lists_are_too(staff: Client) -> None:
    for tier in Tier.objects.all():
        Story.objects.create(title=tier.title, required_tier=tier)
    view_as(staff, tier=SILVER)
    assert staff.get("/gates/listing/").content == b"Bronze,Free,Silver"


def test_it_is_said_on_every_page_and_in_the_log(staff: Client, caplog) -> None:
    caplog.set_level(logging.WARNING)  # what Django shows where a site has not set up logging
    assert BANNER not in staff.get(PAGE).content.decode()
    assert view_as(staff, tier=GOLD, next=PAGE)["Location"] == PAGE
    page = staff.get(PAGE)
    assert f"{BANNER} a patron of Gold" in page.content.decode()
    assert page["Content-Length"] == str(len(page.content))
    assert f"as a patron of tier {GOLD}" in caplog.text
    view_as(staff, tier="")
    assert f"{BANNER} somebody who is no patron" in staff.get(PAGE).content.decode()
    assert "looks at the site as nobody's patron" in caplog.text
    view_as(staff, stop="1")
    assert "looks at the site as themselves again" in caplog.text
    assert BANNER not in staff.get(PAGE).content.decode()
    assert "as themselves again" in caplog.text


def test_it_is_said_on_pages_that_have_nothing_to_do_with_patrons_too(staff: Client) -> None:
    view_as(staff, tier=GOLD)
    page = staff.get("/admin/")
    assert BANNER in page.content.decode()
    assert page["Cache-Control"] == "private, no-store"
    view_as(staff, stop="1")
    assert BANNER not in staff.get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!doctype html><body>", "<p>x</p></body>"),
        ("<html><head></head><BODY\n data-x='a>b' class=\"c>d\">", "<p>x"),
        ("<!-- <body> --><script>'<body>'</script><title><body></title><body>", "<p>x</p>"),
        ("<!doctype html><title>No body tag</title><p>x</p>", ""),
        ("<p>x</p>", ""),
    ],
)
def test_it_is_said_whatever_the_page_is_made_of(
    staff: Client, settings, before: str, after: str
) -> None:
    view_as(staff, tier=GOLD)
    settings.PAGE = before + after
    page = staff.get("/gates/given-page/")
    text = page.content.decode()
    assert (text[: len(before)], text[len(text) - len(after) :]) == (before, after)
    assert text.count(BANNER) == 1
    assert BANNER in text[len(before) : len(text) - len(after)]
    assert page["Content-Length"] == str(len(page.content))


def test_a_title_that_the_pages_charset_lacks_is_no_error(staff: Client, settings) -> None:
    Tier.objects.filter(patreon_id=GOLD).update(title="金")
    view_as(staff, tier=GOLD)
    settings.PAGE, settings.PAGE_TYPE = "<body>", "Text/HTML; charset=iso-8859-1"
    assert "a patron of &#37329;" in staff.get("/gates/given-page/").content.decode()


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Dest": "empty"}, {"HX-Request": "true", "Sec-Fetch-Dest": "empty"}]
)
def test_a_script_gets_it_with_a_whole_page_only(staff: Client, settings, headers) -> None:
    """A part of a page is put into one that has the banner already."""
    view_as(staff, tier=GOLD)
    for settings.PAGE, is_whole in (
        ("<p>x</p>", False),
        ("<tr><td>x</td></tr>", False),
        ("\n<!-- a --><!DOCTYPE html><p>x</p>", True),
    ):
        text = staff.get("/gates/given-page/", headers=headers).content.decode()
        assert (BANNER in text) is is_whole


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "image/svg+xml", "text/html-x"])
def test_only_html_is_changed(staff: Client, settings, kind: str) -> None:
    view_as(staff, tier=GOLD)
    settings.PAGE, settings.PAGE_TYPE = "<body>", kind
    assert staff.get("/gates/given-page/").content == b"<body>"


def test_an_answer_without_content_gets_none(staff: Client) -> None:
    view_as(staff, tier=GOLD)
    assert view_as(staff, tier=SILVER).content == b""


def test_the_banner_needs_no_style_or_script_of_the_page(staff: Client) -> None:
    """A Content-Security-Policy forbids what is written into the page."""
    view_as(staff, tier=GOLD)
    text = staff.get(PAGE).content.decode()
    assert not re.search(r"style=|<style|<script|\son\w+=", text)
    assert "/static/django_patreon/view_as.css" in text


def test_the_mark_goes_with_the_session_that_it_was_about(
    staff: Client, django_assert_num_queries: Any
) -> None:
    view_as(staff, tier=GOLD)
    del staff.cookies["sessionid"]
    page = staff.get("/login/")
    assert BANNER not in page.content.decode()
    assert not page.cookies["patreon_view_as"].value
    with django_assert_num_queries(0):
        assert "Cache-Control" not in staff.get("/login/").headers


def test_the_mark_alone_opens_nothing(dance: Dance) -> None:
    dance.sign_in("free")
    dance.client.cookies["patreon_view_as"] = GOLD
    assert BANNER not in dance.client.get("/login/").content.decode()
    assert not opens(dance.client, "gold")


def test_names_work(staff: Client, settings) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}}
    view_as(staff, tier="gold")
    assert opens(staff, "gold")


@pytest.mark.parametrize("tier", ["Gold", "12345", "9" * 5000])
def test_a_tier_that_nobody_has_heard_of_changes_nothing(staff: Client, tier: str) -> None:
    view_as(staff, tier=SILVER)
    answer = view_as(staff, tier=tier, next=PAGE)
    assert answer["Location"] == PAGE
    said = [str(each) for each in get_messages(answer.wsgi_request)]
    assert said == ["Patreon has told this site of no such tier."]
    assert f"{BANNER} a patron of Silver" in staff.get(PAGE).content.decode()


def test_it_is_for_staff_only(dance: Dance) -> None:
    dance.sign_in("free")
    assert view_as(dance.client, tier=GOLD).status_code == 403
    session = dance.client.session
    session["patreon_view_as"] = GOLD
    session.save()
    assert not opens(dance.client, "gold")


def test_who_is_staff_no_longer_looks_as_themselves(staff: Client) -> None:
    view_as(staff, tier=GOLD)
    User.objects.filter(username="staff").update(is_staff=False)
    assert not opens(staff, "gold")


def test_it_leads_nowhere_else_and_asks_for_a_post(staff: Client) -> None:
    assert view_as(staff, tier="", next="//evil.example")["Location"] == "/"
    assert staff.get("/patreon/view-as/").status_code == 405


@pytest.mark.parametrize("is_still_there", [True, False])
def test_a_free_member_supports_nobody(staff: Client, is_still_there: bool) -> None:
    view_as(staff, tier=FREE)
    if not is_still_there:
        Tier.objects.all().delete()
    for form in ("tag", "decorator", "api"):
        assert not opens(staff, "any", form)
    assert staff.get("/gates/listing/").content == b""


def test_a_free_tier_that_is_named_on_purpose_is_held(staff: Client) -> None:
    Story.objects.create(title="free", required_tier=Tier.objects.get(patreon_id=FREE))
    view_as(staff, tier=FREE)
    assert staff.get("/gates/listing/").content == b"free"


def test_a_tier_is_of_its_own_campaign(staff: Client) -> None:
    """T4."""
    view_as(staff, tier=GOLD)
    assert opens(staff, "any")
    assert not opens(staff, "foreign")


def test_a_ban_is_not_looked_around(staff: Client) -> None:
    Grant.objects.deny(User.objects.get(username="staff"))
    Story.objects.create(title="any")
    view_as(staff, tier=GOLD)
    assert not opens(staff, "gold")
    assert staff.get("/gates/listing/").content == b""


def test_where_staff_queue_like_everybody_it_is_for_superusers(staff: Client, settings) -> None:
    view_as(staff, tier=GOLD)
    settings.PATREON = {"STAFF_BYPASS": False}
    assert not opens(staff, "gold")
    assert BANNER not in staff.get(PAGE).content.decode()
    assert view_as(staff, tier=GOLD).status_code == 403
    User.objects.filter(username="staff").update(is_superuser=True)
    view_as(staff, tier=SILVER)
    assert opens(staff, "silver")
    assert not opens(staff, "gold")
