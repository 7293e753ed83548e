"""What the README says, done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .conftest import Patreon

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS, URLS, VIEW = re.findall(r"```python\n(.*?)```", README, flags=re.S)[:3]
[TEMPLATE] = re.findall(r"```django\n(.*?)```", README, flags=re.S)
[TIERS] = re.findall(r"`(PATREON = .*?)` in", README, flags=re.S)
[BASE_URL] = re.findall(r'`("BASE_URL": .*?)` to `PATREON`', README)

FRONT = """
from django.http import HttpResponse
from django.shortcuts import render

def front(request):
    return render(request, "front.html")
"""

VISIT = """
import django; django.setup()
import re, requests
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

def sign_in(slug, next):
    browser = Client(headers={"host": "localhost"})
    address = browser.post("/login/patreon/", {"next": next})["Location"]
    answer = requests.get(address + "&sandbox_user=" + slug, allow_redirects=False, timeout=10)
    back = browser.get(answer.headers["Location"].removeprefix("http://localhost"))
    assert (back.status_code, back["Location"]) == (302, next), back.content
    return browser

stranger = Client(headers={"host": "localhost"})
page = stranger.get("/story/", follow=True)
assert page.redirect_chain == [("/?next=/story/", 302)], page.redirect_chain
assert b'name="next" value="/story/"' in page.content, page.content
[style] = re.findall(r'rel="stylesheet" href="/static/(.*?)"', page.content.decode())
assert finders.find(style), style

gold = sign_in("gold", "/story/")
user = User.objects.get()
assert user.patreon_account.full_name == "Alma Reyes"
assert user.patreon_account.access_token
story = gold.get("/story/")
assert story.content == b"the story"
assert story.wsgi_request.patreon.is_patron
assert b"Alma Reyes" in gold.get("/patreon/account/").content
free = sign_in("free", "/story/").get("/story/")
assert free.status_code == 403, free.content
for words in (b"Join Silver on Patreon", b"check again"):
    assert words in free.content, free.content
assert stranger.get("/login/patreon/").status_code == 405
refused = stranger.get("/complete/patreon/?error=access_denied")
assert refused.status_code == 403 and b"Try again" in refused.content, refused.content
print("signed in as", user.username)
"""


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "shop.settings",
             "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lines_are_as_many_as_it_says() -> None:
    for words, block in (
        ("then six lines in the settings", SETTINGS),
        ("three in the URLs", URLS),
        ("three in a template", TEMPLATE),
    ):
        assert words in README
        count = ("three", "four", "five", "six").index(words.replace("then ", "").split()[0]) + 3
        assert len(block.splitlines()) == count


def test_the_lines_make_a_new_project_sign_people_in_and_close_a_page(
    tmp_path: Path, patreon: Patreon
) -> None:
    run(
        tmp_path,
        "-m",
        "django",
        "startproject",
        "shop",
        ".",
        "--settings=django.conf.global_settings",
    )
    settings, urls = tmp_path / "shop/settings.py", tmp_path / "shop/urls.py"
    lines = SETTINGS.replace("the client id", "sandbox-client")
    lines = lines.replace("the client secret", "sandbox-secret")
    base = BASE_URL.replace("http://127.0.0.1:8001", patreon.url)
    settings.write_text(
        f"{settings.read_text()}\n{lines}\n{TIERS}\nPATREON |= {{{base}}}\n"
        "ALLOWED_HOSTS = ['localhost']\n"
        "TEMPLATES[0]['DIRS'] = [BASE_DIR]\n"
    )
    (tmp_path / "front.html").write_text(TEMPLATE)
    (tmp_path / "shop/views.py").write_text(
        f"{FRONT}\n{VIEW.replace('...', 'return HttpResponse(' + repr('the story') + ')')}"
    )
    urls.write_text(
        f"{urls.read_text()}\nfrom shop import views\n"
        "urlpatterns += [path('', views.front), path('story/', views.story)]\n"
        f"{URLS}"
    )

    assert "no issues" in run(tmp_path, "manage.py", "check")
    run(tmp_path, "manage.py", "migrate")

    assert "signed in as AlmaReyes" in run(tmp_path, "-c", VISIT)
