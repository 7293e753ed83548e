"""What the docs show, done."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from django.test.utils import isolate_apps

from django_patreon.access import PatronGatedDetailView
from django_patreon.checks import check_csp
from django_patreon.entitlement import Reason
from django_patreon.models import Campaign, PatreonAccount

from .dance import Dance

DOCS = Path(__file__).parent.parent / "docs"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(), flags=re.S)


def test_the_first_example_of_tokens_is_ready_for_everybody(dance: Dance, rf: Any) -> None:
    names: dict[str, Any] = {}
    exec(blocks("tokens.md", "python")[0], names)  # noqa: S102  (our own docs)
    request = rf.get("/")

    def name_of(user: Any) -> Any:
        request.user = user
        return names["name_on_patreon"](request)

    assert name_of(AnonymousUser()) is None
    assert name_of(get_user_model().objects.create_user("alma")) is None
    dance.sign_in("gold")
    assert name_of(dance.user) == "Alma Reyes"
    dance.sandbox.tokens.kill()
    assert name_of(dance.user) is None


def test_a_first_key_with_the_secret_key_behind_it_loses_nobody(
    dance: Dance, settings: Any
) -> None:
    dance.sign_in("gold")
    names: dict[str, Any] = {
        "os": SimpleNamespace(environ={"PATREON_TOKEN_KEY": "a new key, " + "x" * 40}),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    [keys] = [each for each in blocks("settings.md", "python") if "TOKEN_KEYS" in each]
    first, later = keys.splitlines()
    exec(first, names)  # noqa: S102
    assert "PATREON_OLD_TOKEN_KEY" in later
    settings.PATREON = names["PATREON"]
    assert PatreonAccount.objects.get().access_token
    settings.PATREON = {"TOKEN_KEYS": names["PATREON"]["TOKEN_KEYS"][:1]}
    assert PatreonAccount.objects.get().needs_reconnect


def test_the_form_to_look_as_a_patron_works_as_it_stands(
    dance: Dance, admin_client: Any, admin_user: Any, rf: Any, settings: Any
) -> None:
    settings.PATREON = {**settings.PATREON, "TIERS": {"gold": "9100003"}}
    dance.sign_in("gold")
    form = next(each for each in blocks("operators.md", "django") if "view_as" in each)
    request = rf.get("/inside/")
    request.user = admin_user
    shown = Template(form).render(RequestContext(request))
    assert "csrfmiddlewaretoken" in shown
    [action], [next_page] = (
        re.findall(rf'{each}="(.*?)"', shown) for each in ("action", 'name="next" value')
    )
    buttons = re.findall(r'<button name="(\w+)"(?: value="(.*?)")?>', shown)
    assert [each[0] for each in buttons] == ["tier", "tier", "stop"]
    for name, value in buttons:
        answer = admin_client.post(action, {"next": next_page, name: value})
        assert (answer.status_code, answer["Location"]) == (302, "/inside/")
    request.user = AnonymousUser()
    assert "<form" not in Template(form).render(RequestContext(request))


def test_every_reason_is_listed() -> None:
    text = (DOCS / "rule.md").read_text().partition("## Reasons")[2].partition("## ")[0]
    opening, closed = text.split("| closed | |")
    reasons = (
        {each for row in re.findall(r"^\| (`.*?) \|", part, flags=re.M) for each in row.split(", ")}
        for part in (opening, closed)
    )
    assert next(reasons) == {f"`{each.value}`" for each in Reason if each.opens}
    assert next(reasons) == {f"`{each.value}`" for each in Reason if not each.opens}


# -- the first example of each page about gates


def first_example(page: str) -> dict[str, Any]:
    """Run the first Python example of a page, as if it stood in an app; return its names."""
    names: dict[str, Any] = {"__name__": "tests.gates.models"}
    with isolate_apps("tests.gates"):
        exec(blocks(page, "python")[0], names)  # noqa: S102  (our own docs)
    return names


def patrons(dance: Dance, settings: Any) -> tuple[Any, Any]:
    """Return a user without Patreon, and a patron of Gold."""
    settings.PATREON = {**settings.PATREON, "TIERS": {"silver": "9100002", "gold": "9100003"}}
    dance.sign_in("gold")
    return get_user_model().objects.create_user("visitor"), dance.user


@pytest.mark.parametrize("page", ["close-a-view.md", "gates.md"])
def test_the_view_that_the_docs_close_opens_to_patrons(
    page: str, dance: Dance, settings: Any, rf: Any
) -> None:
    request = rf.get("/")
    story = first_example(page)["story"]
    statuses = []
    for request.user in (AnonymousUser(), *patrons(dance, settings)):
        request.__dict__.pop("patreon", None)
        statuses.append(story(request).status_code)
    assert statuses == [302, 403, 200]


def test_the_file_that_the_docs_close_is_closed(rf: Any) -> None:
    [route] = first_example("close-files.md")["urlpatterns"]
    found = route.resolve("media/film.mp4")
    assert found is not None
    request = rf.get("/media/film.mp4")
    request.user = AnonymousUser()
    assert found.func(request, *found.args, **found.kwargs).status_code == 302


def test_the_rows_that_the_docs_close_are_filtered(dance: Dance, settings: Any, rf: Any) -> None:
    names = first_example("close-rows.md")
    request = rf.get("/")
    for request.user in (AnonymousUser(), *patrons(dance, settings)):
        request.__dict__.pop("patreon", None)
        assert "public_from" in str(names["visible_stories"](request).query)
        assert names["Story"](title="x").decision_for(request.user).allowed is (
            request.user == dance.user
        )
    assert issubclass(names["StoryPage"], PatronGatedDetailView)


def test_the_lounge_of_a_creator_in_the_docs_opens_to_their_patrons(
    dance: Dance, settings: Any, rf: Any
) -> None:
    visitor, patron = patrons(dance, settings)
    lounge = first_example("many-creators.md")["lounge"]
    slug = Campaign.objects.get().vanity
    request = rf.get("/")
    for request.user, status in ((visitor, 403), (patron, 200)):
        assert lounge(request, slug).status_code == status


def test_the_pass_in_the_docs_opens_and_the_rule_says_why(
    dance: Dance, settings: Any, admin_user: Any
) -> None:
    visitor, patron = patrons(dance, settings)
    why = first_example("rule.md")["why"]
    assert why(visitor)[:2] == (False, Reason.NOT_LINKED)
    assert why(patron)[:2] == (True, Reason.PAID)
    first_example("operators.md")["thank"](visitor, admin_user)
    assert why(visitor)[:2] == (True, Reason.GRANTED)


def test_the_part_of_a_template_that_the_docs_close_opens_to_patrons(
    dance: Dance, settings: Any, rf: Any
) -> None:
    part = Template(blocks("close-a-template.md", "django")[0])
    request = rf.get("/")
    for request.user, is_open in zip(patrons(dance, settings), (False, True), strict=True):
        request.__dict__.pop("patreon", None)
        assert ("whole story" in part.render(RequestContext(request))) is is_open


def test_every_page_is_in_the_index() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "README.md").read_text()))
    assert listed == {each.name for each in DOCS.glob("*.md")} - {"README.md"}


def test_every_link_to_a_heading_finds_it() -> None:
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)", page.read_text()):
            text = (page.parent / target if target else page).read_text()
            titles = re.findall(r"^#+ (.*)", text, flags=re.M)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in titles}
            assert heading in anchors, (page.name, target, heading)


# -- the legend of marks such as T12 and (observed)

ROOT = DOCS.parent


def sources() -> list[tuple[Path, str]]:
    folders = ("django_patreon", "tests", "example_project", "benchmarks")
    files = [each for folder in folders for each in (ROOT / folder).rglob("*.py")]
    return [(each, each.read_text()) for each in files if "node_modules" not in each.parts]


def test_every_known_failure_that_code_and_tests_name_is_listed() -> None:
    listed = set(re.findall(r"^## (T\d+): ", (DOCS / "known-failures.md").read_text(), flags=re.M))
    # In docstrings and comments: a name in code may look the same.
    for path, text in sources():
        for words in re.findall(r'"""[\s\S]*?"""|#.*', text):
            assert set(re.findall(r"\bT[1-9]\d?\b", words)) <= listed, path


def test_every_test_that_the_known_failures_name_is_there() -> None:
    named = re.findall(r"^- `(.*?)`$", (DOCS / "known-failures.md").read_text(), flags=re.M)
    assert len(named) > 60
    for each in named:
        file, _, name = each.partition("::")
        text = (ROOT / file).read_text()
        assert re.search(rf"\b(def|class) {name}\b", text) if name else text, each


def test_every_mark_of_certainty_is_in_the_legend() -> None:
    listed = set(
        re.findall(r"^\| \((\w+)\) \|", (DOCS / "patreon-facts.md").read_text(), flags=re.M)
    )
    assert len(listed) == 5
    for path, text in sources():
        used = re.findall(r"\((official|observed|reported|inferred|unknown)\b", text)
        assert set(used) <= listed, path


def test_the_docs_link_to_files_that_are_there() -> None:
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_a_policy_as_the_docs_have_it_lets_the_button_work(settings: Any) -> None:
    names: dict[str, Any] = {}
    [policy] = [each for each in blocks("settings.md", "python") if "SECURE_CSP" in each]
    exec(policy, names)  # noqa: S102
    settings.SECURE_CSP = names["SECURE_CSP"]
    assert check_csp() == []
