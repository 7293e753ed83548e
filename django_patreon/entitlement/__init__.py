"""The rule: membership, grants, policy and a moment in; one explainable decision out.

Pure: no Django, no database, no clock, nothing else of ours. What a caller does not tell it, it
does not know, and it then keeps the gate closed.

    decide(requirement, facts)     may they come in, why, until when, and what is missing
    Evaluation(facts).decide(...)  the same, for many requirements
    explain(requirement, facts)    the same, question by question
    standings(facts)               all that a person may show, for a filter over many gates

`facts` are the inputs, `reasons` the answers, `worth` does the sums. `charges` lists the values
that Patreon gives a membership, `standing` says what they are worth, `requirement` compares that
with a rule. `decision` asks in order: signed out, denied by hand, given a pass, staff or creator,
not linked, link broken, no membership, facts too old, status, and last what the rule asks for.

More entitlement never closes a gate: another tier, more cents, a period that runs longer. A blank
reading stands for what is remembered, so more than blank is more than what was remembered.
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
