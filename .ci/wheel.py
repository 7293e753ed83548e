"""`wheel.py WHEEL PYTHON`: the wheel holds the whole package, and that Python can use it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent
USE = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles",
        "social_django", "django_patreon",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    STATIC_URL="/static/",
)
django.setup()
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import get_template
call_command("migrate", verbosity=0)
get_template("django_patreon/login_button.html")
assert finders.find("django_patreon/patreon.css")
import django_patreon
from django_patreon.models import PatreonAccount
assert not PatreonAccount.objects.exists()
print("django-patreon", django_patreon.__version__, "is whole, in", django_patreon.__path__[0])
"""


def main(wheel: str, python: str) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "django_patreon").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    if ours != packed:
        sys.exit(
            f"Missing in the wheel: {sorted(ours - packed)}; too much: {sorted(packed - ours)}"
        )
    with tempfile.TemporaryDirectory() as elsewhere:
        subprocess.run([python, "-I", "-c", USE], cwd=elsewhere, check=True)
        subprocess.run(
            [python, "-I", "-m", "django_patreon.sandbox", "--help"],
            cwd=elsewhere,
            check=True,
            stdout=subprocess.DEVNULL,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
