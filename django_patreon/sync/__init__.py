"""The only writer of campaigns, tiers and memberships.

Whoever hears something new about them calls one of these. Answers may arrive in any order: each row
has the time of its answer in `fetched_at`, and an older answer does not change it.

    sync_account(account)       ask Patreon about one person, and save the answer
    may_look_again(account)     may the person have Patreon asked again now?
    save_identity(...)          save an identity answer, at sign-in
    save_member(...)            save one membership
    set_ours(campaign, True)    save that this site acts for a campaign, as an operator says
"""

from .membership_row import Saved
from .memberships import may_look_again, save_identity, save_member, sync_account
from .ours import set_ours

__all__ = [
    "Saved",
    "may_look_again",
    "save_identity",
    "save_member",
    "set_ours",
    "sync_account",
]
