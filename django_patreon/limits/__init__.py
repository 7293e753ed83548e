"""Patreon's rate limits, kept before they are hit, by all processes of the site together.

`rates` has the limits and their arithmetic, `gate` is what requests pass. Where the state is kept
is a setting: `database` (the site's own, one UPDATE a request), `redis_store`, or `process`.
"""

from .gate import current_gate, forget_idle, longest_wait, waiting_up_to

__all__ = ["current_gate", "forget_idle", "longest_wait", "waiting_up_to"]
