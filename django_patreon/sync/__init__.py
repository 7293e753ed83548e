"""The only writer of campaigns, tiers and memberships.

All news passes through `save_identity` and `save_member`, whoever brings it, and the newest wins,
whatever order it arrives in: a row says as of when it is.

    sync_account(account)       ask Patreon about one person, and save the answer
    may_look_again(account)     is it time to ask because the person wants it?
    save_identity(...)          save what an identity answer says, at sign-in
    save_member(...)            save what is new about one membership
    set_ours(campaign, True)    an operator says that this site acts for a campaign
"""

from .memberships import Saved, may_look_again, save_identity, save_member, sync_account
from .ours import set_ours

__all__ = [
    "Saved",
    "may_look_again",
    "save_identity",
    "save_member",
    "set_ours",
    "sync_account",
]
