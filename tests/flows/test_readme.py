"""What the README says, done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .conftest import Patreon

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS, URLS = re.findall(r"```python\n(.*?)```", README, flags=re.S)[:2]

VISIT = """
import django; django.setup()
import requests
from django.test import Client
from django.contrib.auth.models import User
browser = Client(headers={"host": "localhost"})
address = browser.post("/login/patreon/", {"next": "/"})["Location"]
answer = requests.get(address + "&sandbox_user=gold", allow_redirects=False, timeout=10)
back = browser.get(answer.headers["Location"].removeprefix("http://localhost"))
assert back.status_code == 302, back.content
user = User.objects.get()
assert user.patreon_account.full_name == "Alma Reyes"
assert user.patreon_account.access_token
refused = browser.get("/complete/patreon/?error=access_denied")
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


def test_the_six_lines_are_six() -> None:
    assert len([*SETTINGS.splitlines(), *URLS.splitlines()]) == 6


def test_the_six_lines_make_a_new_project_sign_people_in(
    tmp_path: Path, patreon_process: Patreon
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
    settings.write_text(
        f"{settings.read_text()}\n{lines}\nALLOWED_HOSTS = ['localhost']\n"
        f"PATREON = {{'BASE_URL': {patreon_process.url!r}}}\n"
    )
    urls.write_text(f"{urls.read_text()}\n{URLS}")

    assert "no issues" in run(tmp_path, "manage.py", "check")
    run(tmp_path, "manage.py", "migrate")

    assert "signed in as AlmaReyes" in run(tmp_path, "-c", VISIT)
