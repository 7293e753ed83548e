"""Follow the README in a new Django project, up to a page that a patron may open.

    python .ci/newcomer.py WHEEL

Makes a virtual environment, installs the wheel, runs `django-admin startproject`, adds the code
blocks of README.md, and starts the site and the sandbox. Signs in as a patron without a browser.
Exits 1, and says why, if a block is missing, a step fails, or all of it takes over two minutes.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 120
"""Seconds that everything may take."""
PATIENCE = 20
"""Seconds that a program may take to begin answering."""


def block(kind: str, word: str) -> str:
    """Return the code block of the README that is of this language and has this word in it."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found = [each for each in blocks if word in each]
    if len(found) != 1:
        sys.exit(f"README.md has {len(found)} blocks of {kind} with {word!r} in them, not one.")
    return str(found[0])


def line(pattern: str) -> str:
    """Return what the README says in this place, such as a setting between its words."""
    found = re.search(pattern, (ROOT / "README.md").read_text())
    if found is None:
        sys.exit(f"README.md no longer says: {pattern}")
    return found[1]


def run(*words: object, cwd: Path) -> None:
    """Run a command. Exits with its output if it fails."""
    done = subprocess.run(
        [str(each) for each in words], cwd=cwd, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def program(port: int, *words: object, cwd: Path) -> Iterator[str]:
    """Run a server until the block ends. Yields its address as soon as it answers."""
    with (cwd / f"{port}.log").open("w+") as log:
        process = subprocess.Popen(
            [str(each) for each in words], cwd=cwd, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            end = time.monotonic() + PATIENCE
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    sys.exit(f"{' '.join(map(str, words))} does not answer.\n{log.read()}")
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_project(project: Path, sandbox_port: int) -> None:
    """Add the README's lines to what `startproject` has written.

    The README tells people to put the sandbox's client, secret and address in; the view, the
    template's folder and the page's text are the newcomer's own.
    """
    site = project / "mysite"
    settings = block("python", "INSTALLED_APPS")
    settings = settings.replace("the client id", line(r"client `([\w-]+)`"))
    settings = settings.replace("the client secret", line(r"secret `([\w-]+)`"))
    tiers = line(r"`(PATREON = \{.*?\}\})` in\s")
    base_url = line(r'`("BASE_URL": "[^`]+")` to `PATREON`').replace("8001", str(sandbox_port))
    with (site / "settings.py").open("a") as file:
        file.write(f"{settings}{tiers.removesuffix('}')}, {base_url}}}\n")
        file.write('INSTALLED_APPS += ["mysite"]\n')
    story = block("python", "patron_required")
    with (site / "urls.py").open("a") as file:
        file.write(block("python", "urlpatterns"))
        file.write(story.replace("...", 'return HttpResponse("The story is open.")'))
        file.write(
            "from django.http import HttpResponse\n"
            "from django.shortcuts import render\n"
            "def front(request): return render(request, 'front.html')\n"
            "urlpatterns += [path('', front), path('story/', story)]\n"
        )
    (site / "templates").mkdir()
    (site / "templates" / "front.html").write_text(block("django", "patreon_login_button"))


class Browser:
    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        # A proxy is for other machines.
        self.opener = urllib.request.build_opener(cookies, urllib.request.ProxyHandler({}))

    def open(self, url: str, **form: str) -> tuple[int, str, str]:
        """Follow redirects. Returns status, address and text of the page where they end."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            answer = self.opener.open(url, data, timeout=15)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, answer.geturl(), answer.read().decode()


def visit(site: str, slug: str) -> tuple[int, str]:
    """Sign in as one of the sandbox's people and open the story. Returns its status and text."""
    browser = Browser()
    _, _, front = browser.open(f"{site}/")
    action = re.search(r'<form[^>]*action="([^"]+)"', front)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', front)
    if action is None or token is None:
        sys.exit(f"The front page has no button to sign in:\n{front}")
    _, consent, _ = browser.open(
        urllib.parse.urljoin(site, action[1]), csrfmiddlewaretoken=token[1], next="/story/"
    )
    # The sandbox takes this in place of a press on one of its buttons.
    status, _, text = browser.open(f"{consent}&sandbox_user={slug}")
    return status, text


def main(wheel: Path) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run(sys.executable, "-m", "venv", here / "venv", cwd=here)
        python = here / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
        run(*pip, "--requirement", ROOT / "requirements" / "runtime.txt", cwd=here)
        run(*pip, "--no-deps", wheel.resolve(), cwd=here)
        print(f"  installed after {time.monotonic() - began:.0f} s", flush=True)
        run(python.with_name("django-admin"), "startproject", "mysite", cwd=here)
        project, port, sandbox_port = here / "mysite", free_port(), free_port()
        write_project(project, sandbox_port)
        run(python, "manage.py", "migrate", cwd=project)
        run(python, "manage.py", "check", "--fail-level", "ERROR", cwd=project)
        sandbox = line(r"run `python (-m django_patreon\.sandbox) --port 8001`").split()
        server = ("manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
        with (
            program(sandbox_port, python, *sandbox, "--port", sandbox_port, cwd=project),
            program(port, python, *server, cwd=project) as site,
        ):
            for slug, right in (("gold", 200), ("bronze", 403)):
                status, text = visit(site, slug)
                if status != right or (right == 200) is not ("The story is open." in text):
                    sys.exit(f"The story answered {status} to {slug}, not {right}:\n{text}")
                print(f"  the story answers {status} to {slug}", flush=True)
    seconds = time.monotonic() - began
    if seconds > LIMIT:
        sys.exit(f"A newcomer needed {seconds:.0f} s, and may need {LIMIT} s.")
    print(f"A newcomer reaches a gated page in {seconds:.0f} s.")


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    main(Path(sys.argv[1]))
