"""Patreon's rate limits, kept before they are hit, by all processes of the site together.

`rates` has the limits and their arithmetic, `gate` is what requests pass, and `visitors` counts the
refused sign-ins of each visitor. Where the state is kept is a setting: `database` (the site's own,
one UPDATE a request), `redis_store`, or `process`.
"""

from .gate import current_gate, forget_idle, longest_wait, two_requests, waiting_up_to
from .visitors import counted_for_visitor, wait_of_visitor

__all__ = [
    "counted_for_visitor",
    "current_gate",
    "forget_idle",
    "longest_wait",
    "two_requests",
    "wait_of_visitor",
    "waiting_up_to",
]
