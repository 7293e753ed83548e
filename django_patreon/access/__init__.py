"""May this user in? One decision, the same in a view, a class, a queryset, a template, an API.

    check(user, tier="gold")                       the decision itself; `acheck` in async views
    @patron_required(at_least="silver")            a view, sync or async
    class Page(PatronRequiredMixin, ...)           a class-based view
    class Post(PatronGated): ...                   Post.objects.visible_to(user)
    gate_for(request, post)                        a view of one such row; PatronGatedDetailView
    request.patreon.check(cents=500)               with PatreonMiddleware
    PatronFileView                                 a private file

Tiers are named as in `PATREON["TIERS"]`, or by Patreon's id. `statement` is what the
database is asked, once for each request, `prepared` how, and `row` and `loading` make sense of it;
`patron` keeps it, and `entitlement` decides. Patreon is never called.
"""

from .asking import acheck, check, is_reader, patron_for
from .changes import listen
from .classes import refuse_another_name
from .current import acting_in, current_request
from .files import PatronFileView
from .gated import PatronGated
from .gates import (
    PatronRequiredMixin,
    is_gated,
    keep_private,
    locked,
    patron_required,
)
from .loading import KnownTier
from .page import locked_page
from .patron import Patron, patron_of
from .rows import PatronGatedDetailView, gate_for
from .rules import Rule, declared_rules, near_tier, rule_of, tier_id
from .spelling import Asked, refuse_arguments
from .view_as import VIEW_AS, forget_view_as, may_view_as, remember_view_as
from .words import heading, needs_in_words, sentence

__all__ = [
    "VIEW_AS",
    "Asked",
    "KnownTier",
    "Patron",
    "PatronFileView",
    "PatronGated",
    "PatronGatedDetailView",
    "PatronRequiredMixin",
    "Rule",
    "acheck",
    "acting_in",
    "check",
    "current_request",
    "declared_rules",
    "forget_view_as",
    "gate_for",
    "heading",
    "is_gated",
    "is_reader",
    "keep_private",
    "listen",
    "locked",
    "locked_page",
    "may_view_as",
    "near_tier",
    "needs_in_words",
    "patron_for",
    "patron_of",
    "patron_required",
    "refuse_another_name",
    "refuse_arguments",
    "remember_view_as",
    "rule_of",
    "sentence",
    "tier_id",
]
