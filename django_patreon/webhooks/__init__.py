"""Webhooks: Patreon tells this site of changes. The only writer of webhooks and their deliveries.

    is_signed(...)                 is a body signed with one of these secrets?
    secrets_for(webhook_key)       the secrets that apply at an address of this site
    forget_secrets()               read those of registered webhooks anew
    receive(...)                   store a verified delivery, in one statement
    apply_waiting(seconds=...)     apply what waits, and look again at the members it is about
    replay(...)                    apply stored deliveries once more
    rotate_keys()                  encrypt the secrets under the first key
    wake()                         apply what waits in a thread of this process
    hooks                          the webhooks at Patreon: register, rotate, unpause, delete
    health                         whether Patreon still sends
    prune(), forget_person(...)    empty old bodies, and those that name a person

A delivery is answered as soon as it is stored. It is applied afterwards by a task, by a thread of
the process that received it, or by `patreon_tick`. Where the campaign is connected, a delivery only
says which member has changed: the member is looked at again, so neither order nor repetition nor
the age of a body matters. Elsewhere the body itself is saved.
"""

from .applying import Applied, apply_waiting
from .inbox import Received, forget_person, prune, receive, replay, waiting
from .secrets import forget_secrets, rotate_keys, secrets_for
from .signature import is_signed
from .worker import wake

__all__ = [
    "Applied",
    "Received",
    "apply_waiting",
    "forget_person",
    "forget_secrets",
    "is_signed",
    "prune",
    "receive",
    "replay",
    "rotate_keys",
    "secrets_for",
    "waiting",
    "wake",
]
