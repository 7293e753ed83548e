"""System checks: each fault of a site's settings is found, named, and mended by its hint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.urls import include, path, re_path
from django.utils import timezone
from social_core.pipeline import DEFAULT_AUTH_PIPELINE

from django_patreon.access import PatronFileView, PatronRequiredMixin, Rule, patron_required, rules
from django_patreon.backends import PatreonOAuth2
from django_patreon.middleware import PatreonMiddleware
from django_patreon.models import Campaign, Tier
from django_patreon.rest_framework import IsPatron
from tests.gates.models import Episode

# Since Django 6 the checks look at the database, too.
pytestmark = pytest.mark.django_db
OURS = "django_patreon.backends.PatreonOAuth2"
STEP = "django_patreon.pipeline.save_account"
MIDDLEWARE = "django_patreon.middleware.PatreonMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
STOCK_EMAIL = "social_core.pipeline.social_auth.associate_by_email"


class Stateless(PatreonOAuth2):
    STATE_PARAMETER = False


class OfOurOwn(PatreonMiddleware):
    pass


class OfASong(PatronFileView):
    def get(self, request: Any, song: str) -> Any:  # type: ignore[override]
        return super().get(request, f"{song}.mp3")


files = PatronFileView.as_view(root="/")


def any_middleware(get_response: Any) -> Any:
    return get_response


def faults(*, deploy: bool = False) -> dict[str, str]:
    found = run_checks(include_deployment_checks=deploy)
    return {
        each.id.removeprefix("django_patreon."): f"{each.msg} {each.hint}"
        for each in found
        if each.id.startswith("django_patreon")
    }


def test_a_site_that_is_set_up_has_no_faults() -> None:
    assert faults(deploy=True) == {}


@pytest.mark.parametrize(
    ("given", "fault", "words"),
    [
        ({"PATREON": {"STORE_EMAL": True}}, "E001", "Did you mean 'STORE_EMAIL'"),
        ({"PATREON": {"zzz": 1}}, "E001", "Known keys"),
        ({"PATREON": {7: 1}}, "E001", "7"),
        ({"PATREON": []}, "E002", "must be a dict"),
        ({"PATREON": {"TOKEN_KEYS": "one key"}}, "E002", "TOKEN_KEYS"),
        ({"PATREON": {"TOKEN_KEYS": [""]}}, "E002", "TOKEN_KEYS"),
        ({"PATREON": {"TIMEOUT": 0}}, "E002", "TIMEOUT"),
        ({"PATREON": {"LINK_VERIFIED_EMAIL": "False"}}, "E002", "True or False"),
        ({"PATREON": {"REFRESH_MARGIN": 7}}, "E002", "timedelta"),
        ({"PATREON": {"BASE_URL": None}}, "E002", "BASE_URL"),
        ({"PATREON": {"BROWSER_URL": None}}, "E002", "BROWSER_URL"),
        ({"PATREON": {"BROWSER_URL": "localhost:8001"}}, "E002", "http://localhost:8001"),
        ({"PATREON": {"DECLINED_GRACE": 7}}, "E002", "DECLINED_GRACE"),
        ({"PATREON": {"COUNT_TRIAL": 1}}, "E002", "COUNT_TRIAL"),
        ({"PATREON": {"CAMPAIGN_ID": []}}, "E002", "CAMPAIGN_ID"),
        ({"PATREON": {"CLIENTS": ["an id"]}}, "E002", "CLIENTS"),
        ({"PATREON": {"CLIENTS": {"an id": ""}}}, "E002", "CLIENTS"),
        ({"PATREON": {"TIERS": ["gold"]}}, "E002", "TIERS"),
        ({"PATREON": {"TIERS": {"gold": ""}}}, "E002", "TIERS"),
        ({"PATREON": {"TIER_GROUPS": {"gold": "supporters"}}}, "E002",
         "PATREON['TIER_GROUPS']['gold'] must be a list of group names"),
        ({"PATREON": {"TIERS": {"gold": "Gold"}}}, "E010", "'Gold', which is no id"),
        ({"PATREON": {"TIERS": {"gold": 1}, "TIER_GROUPS": {"gould": ["a"]}}}, "E010",
         "Did you mean 'gold'?"),
        ({"SOCIAL_AUTH_PATREON_SCOPE": "identity.memberships"}, "W005", "CAMPAIGN_ID"),
        ({"PATREON": {"TOKEN_KEYS": ["short"]}}, "W002", "secrets.token_urlsafe"),
        ({"INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes",
                             "django_patreon"]}, "E003", "social_django"),
        ({"SOCIAL_AUTH_PIPELINE": DEFAULT_AUTH_PIPELINE[:-1]}, "E004", STEP),
        ({"SOCIAL_AUTH_PATREON_PIPELINE": []}, "E004", "SOCIAL_AUTH_PATREON_PIPELINE"),
        ({"SOCIAL_AUTH_PIPELINE": [STOCK_EMAIL, STEP]}, "E005",
         "django_patreon.pipeline.associate_by_email"),
        ({"SOCIAL_AUTH_PATREON_STATE_PARAMETER": False}, "E006", "state"),
        ({"AUTHENTICATION_BACKENDS": ["tests.checks.test_checks.Stateless"]}, "E006", "state"),
        ({"SOCIAL_AUTH_SANITIZE_REDIRECTS": False}, "E007", "SANITIZE_REDIRECTS"),
        ({"AUTHENTICATION_BACKENDS": [OURS, "social_core.backends.patreon.PatreonOAuth2"]},
         "E008", "remove the other"),
        ({"SOCIAL_AUTH_PATREON_KEY": ""}, "W001", "SOCIAL_AUTH_PATREON_KEY not set"),
        ({"SOCIAL_AUTH_VERIFY_SSL": False}, "W003", "REQUESTS_CA_BUNDLE"),
        ({"AUTHENTICATION_BACKENDS": ["django.contrib.auth.backends.ModelBackend"]},
         "W004", OURS),
        ({"AUTHENTICATION_BACKENDS": ["django_patreon.backends.PatreonCreatorOAuth2"]},
         "E016", OURS),
        ({"SOCIAL_AUTH_PATREON_CREATOR_KEY": "another"}, "E016", "has no effect"),
        ({"MIDDLEWARE": [AUTH]}, "W007", f'Add "{MIDDLEWARE}" to MIDDLEWARE'),
        ({"MIDDLEWARE": [MIDDLEWARE, AUTH]}, "W008", "stands before AuthenticationMiddleware"),
        ({"MIDDLEWARE": [MIDDLEWARE, CSRF]}, "W008", f'behind "{CSRF}"'),
    ],
)  # fmt: skip
def test_a_fault_is_found_and_its_cure_named(
    settings, given: dict[str, Any], fault: str, words: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    found = faults()
    assert fault in found
    assert words in found[fault]


@pytest.mark.parametrize(
    "installed",
    [
        [AUTH, "tests.checks.test_checks.OfOurOwn"],
        ["tests.checks.test_checks.any_middleware", AUTH, CSRF, MIDDLEWARE],
        ["nowhere.Middleware", MIDDLEWARE],
    ],
)
def test_a_site_may_have_middleware_of_its_own(settings, installed: list[str]) -> None:
    settings.MIDDLEWARE = installed
    assert faults() == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "https://patreon.com.evil.example"])
@pytest.mark.parametrize("name", ["BASE_URL", "BROWSER_URL"])
def test_production_talks_to_patreon_alone(
    settings, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    settings.PATREON = {name: url}
    assert faults() == {}  # the site's own tests, whose runner switches DEBUG off, use the sandbox
    monkeypatch.delattr(mail, "outbox")
    for deploy in (False, True):
        assert f"Leave {name} out" in faults(deploy=deploy)["E009"]
    settings.DEBUG = True
    assert faults(deploy=True) == {}


def test_production_has_no_sandbox(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django_patreon.sandbox"]
    monkeypatch.delattr(mail, "outbox")
    assert "sandbox is installed" in faults()["E009"]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("SECURE_CSP", {"form-action": ["'self'"]}),
        ("SECURE_CSP", {"form-action": "'none'"}),
        ("CONTENT_SECURITY_POLICY", {"DIRECTIVES": {"form-action": ["'self'", "example.org"]}}),
        ("CSP_FORM_ACTION", ["'self'", "http://www.patreon.com", "https://patreon.com"]),
        ("CSP_FORM_ACTION", []),
    ],
)
def test_a_policy_that_stops_the_button_is_found(settings, name: str, policy: Any) -> None:
    setattr(settings, name, policy)
    assert f"form-action in {name}" in faults()["W015"]
    assert 'Add "https://www.patreon.com" to it' in faults()["W015"]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("SECURE_CSP", {"default-src": ["'self'"]}),
        ("SECURE_CSP", {"form-action": ["'self'", "https://www.patreon.com"]}),
        ("CONTENT_SECURITY_POLICY", {"DIRECTIVES": {"form-action": "'self' https:"}}),
        ("CONTENT_SECURITY_POLICY", None),
        ("CSP_FORM_ACTION", ["*.patreon.com"]),
        ("CSP_FORM_ACTION", "*"),
        ("CSP_FORM_ACTION", None),
    ],
)
def test_a_policy_that_lets_the_button_work_is_fine(settings, name: str, policy: Any) -> None:
    setattr(settings, name, policy)
    assert faults() == {}


def test_a_pipeline_with_our_steps_is_fine(settings) -> None:
    settings.SOCIAL_AUTH_PIPELINE = ["django_patreon.pipeline.associate_by_email", STEP]
    assert faults() == {}


def test_a_gate_that_names_an_unknown_tier_is_found_at_start(settings) -> None:
    """T13: it is closed at run time, and loud before."""
    settings.PATREON = {"TIERS": {"gold": "1"}}
    Rule(tier="gould").declare("site.views.page")
    try:
        assert faults().keys() == {"E010"}
        assert "site.views.page asks for the tier 'gould'" in faults()["E010"]
        assert "Did you mean 'gold'?" in faults()["E010"]
    finally:
        rules._DECLARED.popitem()


@pytest.mark.parametrize(
    "view",
    [type("Files", (PatronFileView,), {"root": "/"}), type("Page", (PatronRequiredMixin,), {})],
)
def test_so_is_one_that_a_url_names(settings, view: type[PatronRequiredMixin]) -> None:
    settings.PATREON = {"TIERS": {"gold": "1"}}
    view.as_view(patron_rule={"at_least": "glod"})
    try:
        assert f"{view.__qualname__}.as_view() asks for the tier 'glod'" in faults()["E010"]
    finally:
        rules._DECLARED.popitem()


def test_so_is_one_of_a_permission_that_a_site_has_written(settings) -> None:
    settings.PATREON = {"TIERS": {"gold": "1"}}
    type("Mine", (IsPatron,), {"patron_rule": {"tier": "glod"}, "__qualname__": "Site.Mine"})
    try:
        assert "Site.Mine asks for the tier 'glod'" in faults()["E010"]
    finally:
        rules._DECLARED.popitem()


@pytest.mark.parametrize(
    ("urls", "found"),
    [
        ([path("media/<path:path>", files)], False),
        ([path("media/", files, {"path": "song.mp3"})], False),
        ([re_path("media/(.*)", files)], False),
        ([path("media/<path:name>", files)], True),
        ([path("media/", include([path("song/", files)]))], True),
        ([path("media/<path:path>/", include([path("song/", files)]))], False),
        ([path("media/<slug:song>/", OfASong.as_view(root="/"))], False),
        ([path("media/", lambda request: None)], False),
    ],
)
def test_the_url_of_a_file_has_to_name_it(settings, urls: list[Any], found: bool) -> None:
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = urls
    assert ("E011" in faults()) == found
    if found:
        assert "'media/" in faults()["E011"]


@pytest.mark.parametrize(
    ("lookup", "found"),
    [
        ("show__campaign", False),
        ("required_tier__campaign", False),
        (None, False),
        ("", True),
        ("show", True),
        ("show__house", True),
        ("show__campaign__patreon_id", True),
        ("min_cents", True),
        ("show__pk", True),
    ],
)
def test_rows_have_to_lead_to_a_campaign(monkeypatch, lookup: str | None, found: bool) -> None:
    monkeypatch.setattr(Episode, "campaign_lookup", lookup)
    assert faults().keys() == ({"E012"} if found else set())
    if found:
        assert f"gates.Episode.campaign_lookup is {lookup!r}" in faults()["E012"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{% patrons_only tier="glod" %}{% endpatrons_only %}', True),
        ("{% patrons_only cents=5 at_least='glod' %}{% endpatrons_only %}", True),
        ('{% if user|is_patron:"glod" %}', True),
        ('{% patron_decision member tier="glod" as theirs %}', True),
        ('{% patrons_only tier="gold" %}{% endpatrons_only %}{% if user|is_patron:"7" %}', False),
        ("{% patrons_only tier=glod %}{% endpatrons_only %}{% if user|is_patron:glod %}", False),
        ('{% patrons_only tier="glod"|translated %}{% endpatrons_only %}', False),
        ('{# {% patrons_only tier="glod" %} #}', False),
        ('{% comment %}{{ user|is_patron:"glod" }}{% endcomment %}', False),
        ('{% verbatim %}{% patrons_only tier="glod" %}{% endverbatim %}', False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["html", "txt", "xml"])
def test_so_is_one_that_a_template_names(
    settings, tmp_path, source: str, found: bool, kind: str
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / f"pages/story.{kind}").write_text(source)
    (tmp_path / "pages/story.png").write_bytes(b'{% patrons_only tier="glad" %}')
    (tmp_path / "latin.html").write_bytes(b"\xe9")
    settings.PATREON = {"TIERS": {"gold": "1"}}
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert ("E010" in faults()) is found
    if found:
        assert f"story.{kind} asks for the tier 'glod'" in faults()["E010"]


def known_to_be_wrong() -> list[str]:
    """What the checks of the database say of the site; not of the gates of other tests."""
    found = run_checks(databases=["default"])
    ours = [each.msg for each in found if str(each.id).startswith("django_patreon")]
    return [each for each in ours if "PATREON" in each or "site." in each or "site/" in each]


def know(campaign: str, *, is_ours: bool = False, **tiers: bool | None) -> None:
    row = Campaign.objects.create(patreon_id=campaign, is_ours=is_ours, fetched_at=timezone.now())
    for key, published in tiers.items():
        row.tiers.create(
            patreon_id=key.removeprefix("t"), published=published, fetched_at=timezone.now()
        )


@pytest.fixture
def gate(settings) -> Iterator[Callable[..., Rule]]:
    """Declare rules as a site's views do."""
    before = dict(rules._DECLARED)
    yield lambda **rule: Rule(**rule).declare("site.views.page")
    rules._DECLARED.clear()
    rules._DECLARED.update(before)


def test_tiers_that_patreon_no_longer_sells_are_found(settings) -> None:
    """T13."""
    settings.PATREON = {"TIERS": {"gold": "1", "old": "2", "odd": "3"}}
    assert known_to_be_wrong() == []  # nothing is known yet
    know("9", t1=True, t2=False, t9100002=None, t9100003=True)
    assert known_to_be_wrong() == [
        "PATREON['TIERS']['old'] means tier 2, which is no longer published.",
        "PATREON['TIERS']['odd'] means tier 3, which Patreon has not told us of.",
    ]


def test_a_campaign_that_patreon_has_not_told_us_of_is_found(settings, gate) -> None:
    settings.PATREON = {"CAMPAIGN_ID": "8"}
    gate(campaign="nonsense")
    assert known_to_be_wrong() == []  # nothing is known yet
    know("9", t1=True)
    assert known_to_be_wrong() == [
        "The gate at site.views.page means campaign 'nonsense', which Patreon has not told us of.",
        "PATREON['CAMPAIGN_ID'] means campaign '8', which Patreon has not told us of.",
    ]
    settings.PATREON = {"CAMPAIGN_ID": "9"}
    rules._DECLARED.popitem()
    assert known_to_be_wrong() == []


def test_so_is_one_that_a_template_asks_for(settings, tmp_path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/story.html").write_text(
        '{% patrons_only campaign="9" %}{% endpatrons_only %}'
        "{% patrons_only cents=5 campaign='nonsense' %}{% endpatrons_only %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    know("9")
    [said] = known_to_be_wrong()
    assert "site/story.html means campaign 'nonsense'" in said


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"tier": "1"}, False),
        ({"tier": "2"}, True),
        ({"at_least": "2"}, True),
        ({"tier": ["1", "2"]}, True),
        ({"tier": "1", "campaign": "8"}, True),
        ({"tier": "2", "campaign": "8"}, False),
    ],
)
def test_a_tier_of_another_campaign_is_found(settings, gate, asked, found: bool) -> None:
    know("9", is_ours=True, t1=True, t9100002=True, t9100003=True)
    know("8", t2=True)
    gate(**asked)
    assert any("but it is one of campaign" in each for each in known_to_be_wrong()) is found
    assert len(known_to_be_wrong()) == found


def test_a_template_whose_campaign_a_variable_says_is_left_alone(settings, tmp_path) -> None:
    (tmp_path / "site").mkdir()
    know("9", is_ours=True, t1=True)
    know("8", t2=True)
    page = tmp_path / "site/story.html"
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    for said, found in (
        ("", True),
        (" campaign=creator.campaign", False),
        (" campaign='8'", False),
    ):
        page.write_text(f'{{% patrons_only at_least="2"{said} %}}{{% endpatrons_only %}}')
        assert any("one of campaign" in each for each in known_to_be_wrong()) is found


def test_so_is_a_tier_itself_that_is_another_campaigns(settings, gate) -> None:
    settings.PATREON = {"CAMPAIGN_ID": "9"}
    know("9", t1=True)
    know("8", t2=True)
    other = Tier.objects.get(patreon_id="2")
    gate(tier=other)
    assert known_to_be_wrong() == []  # it means its own campaign
    gate(tier=["1", other], campaign="9")
    assert known_to_be_wrong() == [
        "The gate at site.views.page asks for tier 2 of campaign 9, but it is one of campaign 8."
    ]


def test_with_two_campaigns_of_ours_a_rule_that_names_none_is_left_alone(gate) -> None:
    know("9", is_ours=True, t1=True)
    know("8", is_ours=True, t2=True)
    gate(tier="2")
    assert known_to_be_wrong() == []


@pytest.mark.parametrize(
    ("ours", "chosen", "found"),
    [
        ([], None, "no campaign is this site's"),
        (["9"], None, ""),
        (["9", "8"], None, "2 campaigns are this site's"),
        (["9", "8"], "9", ""),
        ([], "9", ""),
    ],
)
def test_gates_that_mean_no_campaign_are_named(
    settings, ours: list[str], chosen: str | None, found: str
) -> None:
    settings.PATREON = {"CAMPAIGN_ID": chosen}
    assert ("W013" in catalogue_faults()) is (chosen is None)  # nothing is known yet
    for campaign in ("9", "8"):
        know(campaign, is_ours=campaign in ours)
    assert ("W013" in catalogue_faults()) == bool(found)
    assert found in catalogue_faults().get("W013", "")


def catalogue_faults() -> dict[str, str]:
    messages = run_checks(databases=["default"])
    return {str(each.id).removeprefix("django_patreon."): each.msg for each in messages}


def test_social_cores_own_backend_is_named(settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["social_core.backends.patreon.PatreonOAuth2"]
    assert OURS in faults()["E013"]
    settings.AUTHENTICATION_BACKENDS = [OURS]
    assert "E013" not in faults()


@pytest.mark.parametrize("value", ["secret\n", " secret", "sec ret"])
def test_a_secret_with_a_space_or_a_line_break_is_named(settings, value: str) -> None:
    settings.SOCIAL_AUTH_PATREON_SECRET = value
    found = faults()["W010"]
    assert "SOCIAL_AUTH_PATREON_SECRET" in found
    assert value not in found
    settings.SOCIAL_AUTH_PATREON_SECRET = "secret"
    assert "W010" not in faults()


def test_missing_urls_are_named(settings) -> None:
    assert "W011" not in faults()
    urls = ModuleType("urls_without")
    urls.urlpatterns = [path("login/", lambda request: None)]
    settings.ROOT_URLCONF = urls
    said = [f"{each.msg} {each.hint}" for each in run_checks() if each.id == "django_patreon.W011"]
    assert ["social_django.urls" in each for each in said] == [True, False]
    assert ["django_patreon.urls" in each for each in said] == [False, True]


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (lambda request: None, False),
        (patron_required(lambda request: None), True),
        (type("Front", (PatronRequiredMixin,), {}).as_view(), True),
    ],
)
def test_a_login_url_that_is_closed_itself_is_named(settings, view: Any, found: bool) -> None:
    urls = ModuleType("urls_of_a_front_page")
    urls.urlpatterns = [path("", view)]
    settings.ROOT_URLCONF = urls
    settings.LOGIN_URL = "/"
    assert ("E014" in faults()) == found


@pytest.mark.parametrize("address", ["/nowhere/", "no-such-name"])
def test_a_login_url_that_leads_nowhere_is_named(settings, address: str) -> None:
    settings.LOGIN_URL = address
    assert address in faults()["W012"]
    settings.LOGIN_URL = "https://login.example.org/"
    assert "W012" not in faults()


def test_a_client_for_all_providers_or_of_a_strategy_is_no_missing_one(settings) -> None:
    settings.SOCIAL_AUTH_PATREON_KEY = settings.SOCIAL_AUTH_PATREON_SECRET = ""
    assert "W001" in faults()
    settings.SOCIAL_AUTH_STRATEGY = "tests.sites.strategies.ByHost"
    assert faults() == {}
    del settings.SOCIAL_AUTH_STRATEGY
    settings.SOCIAL_AUTH_KEY = settings.SOCIAL_AUTH_SECRET = "of all providers"
    assert faults() == {}
