"""The rule a second time, as plainly as possible and slowly: it only says yes or no.

Written from the words of Patreon's documentation and the site's policy, with none of the rule's own
code: one function per way of getting in, and somebody is in if any of them says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django_patreon.entitlement import Facts, GrantFacts, MembershipFacts, Requirement

QUIET = ("Paid", "Pending", "Free Trial", None)
REFUNDS = ("Refunded", "Refunded by Patreon", "Partially Refunded")
CHARGES = (*REFUNDS, "Paid", "Pending", "Free Trial", "Deleted", "Declined", "Fraud", "Other", None)


def allows(rule: Requirement, facts: Facts) -> bool:
    if facts.subject.is_anonymous:
        return False
    grants = [
        each
        for each in facts.grants
        if (each.campaign_id is None or each.campaign_id == facts.campaign_id)
        and (each.starts_at is None or each.starts_at <= facts.now)
        and (each.until is None or each.until > facts.now)
    ]
    if any(each.deny for each in grants):
        return False
    if any(grant_opens(rule, each) for each in grants):
        return True
    if facts.policy.staff_bypass and (facts.subject.is_staff or facts.subject.is_creator):
        return True
    if facts.campaign_id is None or not facts.subject.is_linked:
        return False
    ours = [each for each in facts.memberships if each.campaign_id == facts.campaign_id]
    return any(membership_opens(rule, each, facts) for each in ours)


def grant_opens(rule: Requirement, grant: GrantFacts) -> bool:
    if rule.lifetime_cents is not None or rule.since is not None:
        return False
    held = {} if grant.tier is None else {grant.tier.id: grant.tier.amount_cents}
    return satisfied(rule, held, grant.cents or 0, 1)


def membership_opens(rule: Requirement, member: MembershipFacts, facts: Facts) -> bool:
    if member.fetched_at + facts.policy.max_age <= facts.now:
        return False
    if member.patron_status not in ("active_patron", "declined_patron", "former_patron", None):
        return False
    if member.last_charge_status not in CHARGES:
        return False
    if rule.since is not None and (
        member.pledge_relationship_start is None or member.pledge_relationship_start > rule.since
    ):
        return False
    listed = {each.id: each.amount_cents for each in member.tiers}
    free = {key: price for key, price in listed.items() if price is not None and price <= 0}
    if rule.lifetime_cents is None and satisfied(rule, free, 0, 1):
        return True
    if (
        rule.lifetime_cents is not None
        and (member.campaign_lifetime_support_cents or 0) < rule.lifetime_cents
    ):
        return False
    if not counted(member, facts):
        return False
    amount, months = member.currently_entitled_amount_cents or 0, member.pledge_cadence
    if pays(listed, amount):
        if not listed_counts(member, facts):
            return False
        if satisfied(rule, listed, amount, months):
            return True
        memory = member.remembered
        gone = (
            member.patron_status != "former_patron"
            and member.patron_status != "declined_patron"
            and member.last_charge_status in QUIET
            and not any((price or 0) > 0 for price in listed.values())
        )
        if not gone or memory is None or not any((p or 0) > 0 for p in memory.prices.values()):
            return False
        if memory.period_cents // (memory.cadence or 1) > amount // (months or 1):
            return False
        return in_blank_grace(member, facts) and satisfied(
            rule, {**free, **memory.prices}, memory.period_cents, memory.cadence
        )
    # A tier that is listed is held, whether or not anybody knows what it costs.
    unpriced = {key: price for key, price in listed.items() if price is None}
    named = rule.lifetime_cents is None and satisfied(rule, {**free, **unpriced}, 0, 1)
    if unpriced and named and listed_counts(member, facts):
        return True
    if not blank_counts(member, facts):
        return False
    memory = member.remembered
    if memory is None:
        return satisfied(rule, free, 0, 1, paying=True)
    return satisfied(
        rule, {**free, **memory.prices}, memory.period_cents, memory.cadence, paying=True
    )


def satisfied(
    rule: Requirement,
    held: dict[str, int | None],
    amount: int,
    months: int | None,
    *,
    paying: bool = False,
) -> bool:
    paying = paying or pays(held, amount)
    if rule.tiers is not None and not any(key in rule.tiers for key in held):
        return False
    if rule.tiers is None and rule.at_least is None and not paying:
        return False
    if rule.lifetime_cents is not None and not paying:
        return False
    if rule.cents is not None and not (paying and reaches(held, amount, months, rule.cents)):
        return False
    wanted = rule.at_least
    if wanted is None or wanted.id in held:
        return True
    if wanted.amount_cents is None:
        return False
    if wanted.amount_cents <= 0:
        return paying or len(held) > 0
    return reaches(held, amount, months, wanted.amount_cents)


def reaches(held: dict[str, int | None], amount: int, months: int | None, cents: int) -> bool:
    # A pledge for several months is compared with as many months of what is asked.
    return (
        cents <= 0
        or amount >= cents * (months or 1)
        or any(price is not None and price >= cents for price in held.values())
    )


def pays(held: dict[str, int | None], amount: int) -> bool:
    return amount > 0 or any(price is not None and price > 0 for price in held.values())


def counted(member: MembershipFacts, facts: Facts) -> bool:
    trial = member.is_free_trial or member.last_charge_status == "Free Trial"
    if member.is_gifted and not facts.policy.count_gifted:
        return False
    if trial and not facts.policy.count_trial:
        return False
    charged = member.last_charge_status is not None
    return charged or member.is_gifted or trial or facts.policy.count_uncharged


def listed_counts(member: MembershipFacts, facts: Facts) -> bool:
    if member.patron_status == "former_patron":
        end = paid_until(member)
        return end is None or end > facts.now or end <= member.fetched_at
    if member.is_gifted:
        return True
    if member.patron_status == "declined_patron" or member.last_charge_status == "Declined":
        return in_declined_grace(member, facts)
    return True


def blank_counts(member: MembershipFacts, facts: Facts) -> bool:
    status, charge = member.patron_status, member.last_charge_status
    if status is None or charge in (*REFUNDS, "Fraud"):
        return False
    gave_nothing = member.campaign_lifetime_support_cents == 0 and member.remembered is None
    end = paid_until(member)
    if status == "former_patron":
        if charge not in ("Paid", "Pending", "Free Trial", "Deleted"):
            return False
        if charge == "Deleted" and gave_nothing:
            return False
        return end is not None and end > facts.now
    if status == "declined_patron" or charge == "Declined":
        return not gave_nothing and in_declined_grace(member, facts)
    if member.remembered is not None:
        return charge in QUIET and in_blank_grace(member, facts)
    return charge == "Paid" and (end is None or end > facts.now) and in_blank_grace(member, facts)


def in_declined_grace(member: MembershipFacts, facts: Facts) -> bool:
    heard = member.fetched_at if member.declined_since is None else member.declined_since
    if heard + facts.policy.declined_grace <= facts.now:
        return False
    charged = member.last_charge_date
    if member.last_charge_status != "Declined" or charged is None:
        return True
    return charged + facts.policy.declined_grace > facts.now


def in_blank_grace(member: MembershipFacts, facts: Facts) -> bool:
    return (member.blank_since or member.fetched_at) + facts.policy.blank_grace > facts.now


def paid_until(member: MembershipFacts) -> datetime | None:
    if member.next_charge_date is not None:
        return member.next_charge_date
    if member.last_charge_date is None:
        return None
    if member.is_free_trial or member.last_charge_status == "Free Trial":
        return None
    day = member.last_charge_date
    for _ in range(member.pledge_cadence or 1):
        # Walk to the same day of the next month, day by day.
        month_after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = (month_after + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        day = (
            last
            if last.day < member.last_charge_date.day
            else month_after.replace(day=member.last_charge_date.day)
        )
    return day
