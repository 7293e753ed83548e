"""May this user in? One decision, the same in a view, a class, a queryset, a template, an API.

    check(user, tier="gold")                       the decision itself; `acheck` in async views
    @patron_required(at_least="silver")            a view, sync or async
    class Page(PatronRequiredMixin, ...)           a class-based view
    class Post(PatronGated): ...                   Post.objects.visible_to(user)
    gate_for(request, post)                        a view of one such row; PatronGatedDetailView
    request.patreon.check(cents=500)               with PatreonMiddleware
    PatronFileView                                 a private file

Tiers are named as in `PATREON["TIERS"]`, or by Patreon's id. Patreon is never called.

The names below are those that sites use; our own code imports others from their modules. For each
request `statement` is the one query, `prepared` sends it, `loading` keeps its parsed answers,
`patron` holds one for the length of the request, and `entitlement` decides.
"""

from .check_user import acheck, check
from .files import PatronFileView
from .gated import PatronGated, PatronGatedQuerySet
from .gates import PatronRequiredMixin, keep_private, locked, patron_required
from .patron import Patron, patron_of
from .rows import PatronGatedDetailView, gate_for
from .rules import Rule
from .words import sentence

__all__ = [
    "Patron",
    "PatronFileView",
    "PatronGated",
    "PatronGatedDetailView",
    "PatronGatedQuerySet",
    "PatronRequiredMixin",
    "Rule",
    "acheck",
    "check",
    "gate_for",
    "keep_private",
    "locked",
    "patron_of",
    "patron_required",
    "sentence",
]
