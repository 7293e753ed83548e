"""`{% patreon_login_button %}`"""

from __future__ import annotations

import pytest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

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


def test_it_works_without_a_request() -> None:
    assert "Continue with Patreon" in Template(BUTTON).render(Context())


def test_it_works_in_a_part_that_is_told_nothing_of_the_page(rf: RequestFactory) -> None:
    context = RequestContext(rf.get("/here/"), {"part": Template(BUTTON)})
    html = Template("{% include part only %}").render(context)
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'name="next" value="/here/"' in html
