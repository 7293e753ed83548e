"""The rule: decides from memberships, grants, policy and the time whether a gate is open, and why.

It is pure: it imports no Django, asks no database and no clock. What it is not told keeps the gate
closed.

    decide(requirement, facts)     may they come in, why, until when, and what is missing
    Evaluation(facts).decide(...)  the same, for many requirements
    explain(requirement, facts)    the same, question by question
    standings(facts)               all that opens gates to a person, for a filter over many gates

`facts` has the inputs, `reasons` the reasons, `worth` the sums. `charges` lists the values that
Patreon gives a membership, `membership` says what it is worth, `standing` what a pass is worth, and
`requirement` compares that with a rule. `decision` asks in order: signed out, denied by hand, given
a pass, staff or creator, no campaign, not linked, link broken, no membership, facts too old, the
status, and last what the rule asks for.

More entitlement never closes a gate: another tier, more cents, a period that runs longer. If
Patreon lists nothing, what was listed before counts, so "more" means more than that.
"""

from .charges import CHARGES, STATUSES, grace_start, is_declined
from .decision import Evaluation, Step, decide, explain, standings
from .facts import (
    Decision,
    Facts,
    GrantFacts,
    MembershipFacts,
    Policy,
    Requirement,
    Subject,
    TierFacts,
)
from .reasons import Reason
from .requirement import unmet
from .standing import Standing
from .worth import Worth

__all__ = [
    "CHARGES",
    "STATUSES",
    "Decision",
    "Evaluation",
    "Facts",
    "GrantFacts",
    "MembershipFacts",
    "Policy",
    "Reason",
    "Requirement",
    "Standing",
    "Step",
    "Subject",
    "TierFacts",
    "Worth",
    "decide",
    "explain",
    "grace_start",
    "is_declined",
    "standings",
    "unmet",
]
