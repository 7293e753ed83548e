"""A pretend Patreon: OAuth pages, API v2 and webhooks, without an account and without a network.

    python -m django_patreon.sandbox --port 8001

Clients in any language can use it. It imports nothing of the rest of django_patreon, and the rest
imports nothing of it: with shared code it would repeat our mistakes. It needs only the standard
library. Without `--state` it keeps nothing when it stops.

In tests:

    sandbox = Sandbox(url="http://127.0.0.1:8001")
    response = sandbox.handle(Request(method="GET", target="/oauth2/authorize?..."))
    with sandbox.serve() as server: ...  # the same over HTTP, at server.url

The comments say what is official (documented by Patreon), observed, inferred or unknown.

The rooms, from the bottom; a room imports only from rooms below it:

    settings, ids   behaviour that can be chosen; well-known ids
    world/          campaigns, people, memberships, webhooks, the clock
    web/            requests, responses, pages, faults, rate limits
    resources/      JSON:API documents        oauth/tokens   codes and tokens
    webhooks/       queues, bodies, sender
    pledges/        what happens to memberships
    files/          scenario and state files
    core            all state of one sandbox, with its lock and clock
    api/, oauth/, checkout, public_pages, control/, server   the handlers of requests
    app             which handler answers which path
"""

from .app import Sandbox
from .oauth.tokens import SCOPES
from .web.faults import Fault
from .web.messages import Request, Response

__all__ = ["SCOPES", "Fault", "Request", "Response", "Sandbox"]
