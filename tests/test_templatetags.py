"""The button, and gates on pages that are about another person than their reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, Origin, RequestContext, Template, TemplateSyntaxError
from django.template.context import make_context
from django.test import Client, RequestFactory
from django.urls import path
from django.views.generic import DetailView

from django_patreon.access import Patron

from .dance import Dance
from .urls import urlpatterns as site

BUTTON = "{% load patreon %}{% patreon_login_button %}"


def render(rf: RequestFactory, url: str = "/here/?page=2", source: str = BUTTON) -> str:
    return Template(source).render(RequestContext(rf.get(url)))


def test_it_is_a_post_form_with_csrf_and_next(rf: RequestFactory) -> None:
    html = render(rf)
    assert 'method="post" action="/login/patreon/"' in html
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'name="next" value="/here/?page=2"' in html


def test_it_is_a_real_button_whose_picture_is_silent(rf: RequestFactory) -> None:
    html = render(rf)
    assert '<button type="submit"' in html
    assert "Continue with Patreon" in html
    assert 'aria-hidden="true"' in html


def test_words_next_and_class_are_the_sites(rf: RequestFactory) -> None:
    html = render(
        rf,
        source="{% load patreon %}{% patreon_login_button 'Join us' next='/a' css_class='b' %}",
    )
    assert "<span>Join us</span>" in html
    assert 'value="/a"' in html
    assert 'class="patreon-login__button b"' in html


def test_a_login_page_hands_on_where_it_was_to_lead(rf: RequestFactory) -> None:
    assert 'name="next" value="/inside/"' in render(rf, "/login/?next=/inside/")


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "javascript:x"])
def test_it_leads_nowhere_else(rf: RequestFactory, elsewhere: str) -> None:
    html = render(rf, f"/login/?next={elsewhere}")
    assert f'value="{elsewhere}"' not in html


def test_after_a_post_the_page_itself_is_not_the_way_back(rf: RequestFactory) -> None:
    html = Template(BUTTON).render(RequestContext(rf.post("/here/")))
    assert 'name="next"' not in html


def test_it_works_without_a_request_and_says_what_is_missing(caplog: Any) -> None:
    made = Template(BUTTON, name="a/button.html")
    for _ in range(3):
        assert "Continue with Patreon" in made.render(Context())
    assert len(caplog.messages) == 1
    assert "patreon_login_button %} in a/button.html was rendered without a request" in caplog.text
    assert "no CSRF token" in caplog.text


def test_it_works_in_a_part_that_is_told_nothing_of_the_page(rf: RequestFactory) -> None:
    context = RequestContext(rf.get("/here/"), {"part": Template(BUTTON)})
    html = Template("{% include part only %}").render(context)
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'name="next" value="/here/"' in html


User = get_user_model()
ANSWERS = Template(
    "{% load patreon %}"
    "{% if user|is_patron %}filter{% endif %}"
    '{% if user|is_patron:"9100003" %}-gold{% endif %}'
    "{% patron_decision user as theirs %}{% if theirs %}-{{ theirs.reason }}{% endif %}"
    "{% if patreon.is_patron %}-reader{% endif %}"
    "{% patrons_only %}-tag{% endpatrons_only %}"
)


class Profile(DetailView):
    """Somebody's profile: its context has another `user` than the reader."""

    model = User
    context_object_name = "user"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return HttpResponse(ANSWERS.render(make_context(context, self.request)))


def own(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ANSWERS.render(RequestContext(request)))


urlpatterns = [
    path("people/<int:pk>/", Profile.as_view()),
    path("members/<int:pk>/", Profile.as_view()),
    path("once/<int:pk>/", Profile.as_view()),
    path("own/", own),
    *site,
]


@pytest.mark.urls(__name__)
class TestSomebodysProfile:
    @pytest.fixture
    def member(self, dance: Dance) -> Iterator[Any]:
        """A patron, and the browser of nobody in particular."""
        dance.sign_in("gold")
        member = dance.user
        dance.client.logout()
        return member

    def client_of(self, user: Any) -> Client:
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return client

    def test_does_not_answer_for_them(self, member: Any, caplog: Any) -> None:
        readers = [Client(), self.client_of(User.objects.create_user("reader"))]
        for client in readers:
            for _ in range(2):
                answer = client.get(f"/once/{member.pk}/")
                assert answer.content == b"-paid", "only the tag that is about somebody else"
        said = [each for each in caplog.messages if "is_patron was asked" in each]
        assert len(said) == 1
        assert "At /once/<int:pk>/, is_patron was asked about a user who is not" in said[0]
        assert "{% if patreon.is_patron %}" in said[0]
        assert "{% patron_decision other as theirs %}" in said[0]

    def test_does_not_answer_for_them_to_staff_either(self, member: Any) -> None:
        staff = User.objects.create_user("staff", is_staff=True)
        answer = self.client_of(staff).get(f"/people/{member.pk}/")
        assert answer.content == b"-paid-reader-tag", "staff are let in themselves"

    def test_answers_when_it_is_the_readers_own(self, member: Any, caplog: Any) -> None:
        for address in (f"/members/{member.pk}/", "/own/"):
            answer = self.client_of(member).get(address)
            assert answer.content == b"filter-gold-paid-reader-tag"
        assert Client().get("/own/").content == b""
        assert not caplog.messages

    def test_of_no_patron_does_not_shut_the_reader_out(self, member: Any) -> None:
        other = User.objects.create_user("other")
        assert self.client_of(member).get(f"/people/{other.pk}/").content == b"-reader-tag"


class TestWithoutARequest:
    """Such as a letter, or a page that is rendered without its request."""

    def render(self, source: str, name: str, **context: Any) -> str:
        made = Template("{% load patreon %}" + source, Origin(name), name)
        return made.render(Context(context))

    def test_the_tag_stays_closed_and_says_so_once(self, dance: Dance, caplog: Any) -> None:
        dance.sign_in("gold")
        for _ in range(3):
            source = "{% patrons_only %}in{% locked %}out{% endpatrons_only %}"
            assert self.render(source, "a/letter.html", user=dance.user) == "out"
        assert len(caplog.messages) == 1
        assert "patrons_only %} in a/letter.html was rendered without a request" in caplog.text
        assert "{% patron_decision user as theirs %}" in caplog.text

    def test_a_decision_about_a_given_user_is_there(self, dance: Dance, caplog: Any) -> None:
        dance.sign_in("gold")
        source = "{% patron_decision user {} as theirs %}{{ theirs.allowed }} {{ theirs.reason }}"
        for rule, said in (
            ("", "True paid"),
            ('tier="9100003"', "True paid"),
            ("cents=5000", "False more_a_month"),
            ("tier=missing", "False unknown_tier"),
        ):
            asked = source.replace("{}", rule)
            assert self.render(asked, "a/decision.html", user=dance.user) == said
        nobody = source.replace("{}", "")
        for user in (None, "", AnonymousUser()):
            assert self.render(nobody, "a/decision.html", user=user) == "False anonymous"
        assert self.render("{{ user|is_patron }}", "a/filter.html", user=dance.user) == "True"
        assert not caplog.messages


@pytest.mark.parametrize("tag", ["patrons_only", "patron_decision user"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [('"gold"', 'write tier="gold"'), ('teir="gold"', 'no argument teir. Write tier="gold"')],
)
def test_an_argument_that_is_written_wrongly_is_said(tag: str, arguments: str, said: str) -> None:
    end = "{% endpatrons_only %}" if tag == "patrons_only" else ""
    with pytest.raises(TemplateSyntaxError, match=said):
        Template(f"{{% load patreon %}}{{% {tag} {arguments} %}}{end}").render(
            Context({"user": Patron()})
        )
