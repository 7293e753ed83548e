"""A pretend Patreon: OAuth pages and API v2, on a laptop, without an account.

    python -m django_patreon.sandbox --port 8001

Any client in any language can be pointed at it. It is a stranger to the rest of this project: it
imports nothing of it and is imported by nothing of it, because a fake that shares our code would
agree with our mistakes. Standard library only; no database; nothing is kept when it stops.

For tests in one process:

    sandbox = Sandbox(url="http://127.0.0.1:8001")
    response = sandbox.handle(Request(method="GET", target="/oauth2/authorize?..."))
    with sandbox.serve() as server: ...  # the same over real HTTP, at server.url

Where Patreon's behaviour is documented, observed or unknown, the code says which.
"""

from .app import Sandbox
from .http import Request, Response

__all__ = ["Request", "Response", "Sandbox"]
