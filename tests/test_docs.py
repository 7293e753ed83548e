"""What the docs show, done."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template

from django_patreon.entitlement import Reason
from django_patreon.models import PatreonAccount

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
    first, later = blocks("settings.md", "python")[-1].splitlines()
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
    form = next(each for each in blocks("gates.md", "django") if "view_as" in each)
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
    text = (DOCS / "gates.md").read_text().partition("## Reasons")[2].partition("## ")[0]
    opening, *others = (set(re.findall(r"`([a-z_]+)`", item)) for item in text.split("\n- ")[1:])
    assert opening == {each.value for each in Reason if each.opens}
    assert set().union(*others) == {each.value for each in Reason if not each.opens}


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
