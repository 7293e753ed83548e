"""The only writer of campaigns, tiers, memberships and their events.

Whoever hears something new about them calls one of these. Answers may arrive in any order: each row
has the time of its answer in `fetched_at`, and an older answer does not change it.

    sync_account(account)       ask Patreon about one person, and save the answer
    may_look_again(account)     may the person have Patreon asked again now?
    save_identity(...)          save an identity answer, at sign-in
    save_member(...)            save one membership
    save_delivered(...)         save what a webhook says of one membership
    end_delivered(...)          end a membership that a webhook says was deleted
    join_memberships(account)   join the memberships that are known of a person to their account
    set_ours(campaign, True)    save that this site acts for a campaign, as an operator says
    sync_campaign(campaign)     read all members of a campaign, and demote who is not among them
    erase_person(patreon_id)    take a person's name, e-mail and note out of their memberships
    sync_member(campaign, id)   ask Patreon about one member, with the creator's token
    ask_for_looks(user)         keep that a user's memberships should be looked at
    look_if_wanted(campaign, id)    look at one of those
    campaigns_due(), prune()    what is to be done by the clock
    retried(write)              write again, when another transaction was in the way

All memberships are written by `plan` and `apply`, whether an answer names one or a thousand.
"""

from .campaign import sync_campaign
from .delivered import end_delivered, save_delivered
from .due import campaigns_due, prune
from .erasure import collect_deleted, erase_collected, erase_person, erased_with_accounts
from .looks import ask_for_looks, look_if_wanted, wanted_looks
from .members import sync_member
from .memberships import (
    join_memberships,
    may_look_again,
    save_identity,
    save_member,
    sync_account,
)
from .ours import MEMBERS_SCOPE, gates_name_campaigns, our_connected_campaigns, set_ours
from .result import CampaignSync
from .retrying import retried
from .writing import Saved

__all__ = [
    "MEMBERS_SCOPE",
    "CampaignSync",
    "Saved",
    "ask_for_looks",
    "campaigns_due",
    "collect_deleted",
    "end_delivered",
    "erase_collected",
    "erase_person",
    "erased_with_accounts",
    "gates_name_campaigns",
    "join_memberships",
    "look_if_wanted",
    "may_look_again",
    "our_connected_campaigns",
    "prune",
    "retried",
    "save_delivered",
    "save_identity",
    "save_member",
    "set_ours",
    "sync_account",
    "sync_campaign",
    "sync_member",
    "wanted_looks",
]
