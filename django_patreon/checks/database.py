"""What only the database can tell: whether rules mean what Patreon has, and tokens in clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models, router

from django_patreon.access import Rule
from django_patreon.adopting.social import count_clear
from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign, Tier, Webhook, tier_id
from django_patreon.sign_in.associations import association_model
from django_patreon.sync import our_connected_campaigns

from .written import written_rules

__all__ = ["check_catalogue", "check_clear_tokens", "check_webhooks"]

_ENOUGH = 1000
"""How many associations with tokens in clear are counted."""


@register(Tags.database)
def check_catalogue(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Compare the ids that rules use with what Patreon has told us of (T13).

    Runs with `migrate` and `check --database default`, and once something is known.
    """
    using = router.db_for_read(Tier)
    try:
        patreon_settings()
    except ImproperlyConfigured:
        return []  # E002 has said it
    if using not in (databases or ()) or Tier._meta.db_table not in _tables(using):
        return []
    rules = [(f"The gate at {where}", rule) for where, rule in written_rules()]
    known = set(Campaign.objects.using(using).values_list("patreon_id", flat=True))
    return [
        *_tiers(using, rules),
        *_campaigns(known, rules),
        *_strangers(using, known, rules),
        *_ours(using, known),
    ]


@register(Tags.database)
def check_clear_tokens(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Look for tokens that social-core's own Patreon backend left in `extra_data`."""
    if not apps.is_installed("social_django"):
        return []  # E003 has said it
    model = association_model()
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        return []
    using = router.db_for_write(model)
    if using not in (databases or ()) or model._meta.db_table not in _tables(using):
        return []
    found = count_clear(_ENOUGH)
    if not found:
        return []
    people = f"{found}{' or more' if found == _ENOUGH else ''} of social-auth's associations"
    return [
        Warning(
            f"Patreon tokens are in clear in the extra_data of {people}.",
            hint="Run manage.py patreon_adopt --from social-auth: it encrypts them, and empties the"
            " copies in clear.",
            id="django_patreon.W014",
        )
    ]


@register(Tags.database)
def check_webhooks(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Look for webhooks of which this site has no secret: their deliveries are answered 503."""
    using = router.db_for_write(Webhook)
    try:
        secrets = patreon_settings().WEBHOOK_SECRETS
    except ImproperlyConfigured:
        return []  # E002 has said it
    if using not in (databases or ()) or Webhook._meta.db_table not in _tables(using):
        return []
    registered = Webhook.objects.using(using).exclude(patreon_id=None)
    hooks = list(registered.select_related("campaign"))
    faults: list[CheckMessage] = [
        Error(
            f"No key opens the secret of webhook {each.patreon_id}: its deliveries are answered"
            " 503.",
            hint="Bring back the key to PATREON['TOKEN_KEYS'], or run manage.py patreon_webhooks"
            " rotate.",
            id="django_patreon.E017",
        )
        for each in hooks
        if not each.secret.open()
    ]
    known = {each.campaign_id for each in hooks}
    faults += [
        Warning(
            f"No webhook is registered for {each}: changes at Patreon are heard of at the next"
            " sync only.",
            hint="Run manage.py patreon_webhooks register --url and the address of this site. Of a"
            " webhook of Patreon's page, set PATREON['WEBHOOK_SECRETS'].",
            id="django_patreon.W017",
        )
        for each in our_connected_campaigns()
        if not secrets and each.patreon_id not in known
    ]
    return faults


def _ours(using: str, known: set[str]) -> Iterator[CheckMessage]:
    """Find out whether gates that name no campaign mean one."""
    if patreon_settings().CAMPAIGN_ID is None and not known:
        yield Warning(
            "Gates that name no campaign are closed to everybody: no campaign is known yet.",
            hint="It becomes known when its creator or a patron signs in with Patreon, or by"
            " manage.py patreon_import_tokens. Or set PATREON['CAMPAIGN_ID'].",
            id="django_patreon.W013",
        )
    ours = Campaign.objects.using(using).filter(is_ours=True).count()
    if patreon_settings().CAMPAIGN_ID is None and known and ours != 1:
        what = f"{ours} campaigns are this site's" if ours else "no campaign is this site's"
        yield Warning(
            f"Gates that name no campaign are closed to everybody: {what}.",
            hint="Set PATREON['CAMPAIGN_ID'] to the one that they mean. Where every gate names its"
            " campaign, silence this check.",
            id="django_patreon.W013",
        )


def _tiers(using: str, rules: list[tuple[str, Rule]]) -> Iterator[CheckMessage]:
    known = dict(Tier.objects.using(using).values_list("patreon_id", "published"))
    used = {key: f"PATREON['TIERS'][{name!r}]" for name, key in patreon_settings().TIERS.items()}
    for where, rule in rules:
        for key in _keys(rule):
            used.setdefault(key, where)
    for key, where in used.items():
        if known and (key not in known or known[key] is False):
            what = "is no longer published" if key in known else "Patreon has not told us of"
            yield Warning(
                f"{where} means tier {key}, which {what}.",
                hint="A tier that is made anew on Patreon has a new id.",
                id="django_patreon.W006",
            )


def _campaigns(known: set[str], rules: list[tuple[str, Rule]]) -> Iterator[CheckMessage]:
    used = {rule.campaign_id: where for where, rule in reversed(rules)}
    used[patreon_settings().CAMPAIGN_ID] = "PATREON['CAMPAIGN_ID']"
    for key, where in used.items():
        if known and key is not None and key not in known:
            yield Warning(
                f"{where} means campaign {key!r}, which Patreon has not told us of.",
                hint="The ids of those that are known are in the admin, under Campaigns.",
                id="django_patreon.W009",
            )


def _strangers(
    using: str, known: set[str], rules: list[tuple[str, Rule]]
) -> Iterator[CheckMessage]:
    """Find the tiers that nobody can hold, since a rule asks for them of another campaign."""
    home = dict(Tier.objects.using(using).values_list("patreon_id", "campaign_id"))
    default = _default_campaign(using)
    asked = [
        (where, key, default if rule.campaign_id is None else rule.campaign_id)
        for where, rule in rules
        for key in _keys(rule)
    ]
    for where, key, campaign in dict.fromkeys(asked):
        if campaign in known and home.get(key, campaign) != campaign:
            yield Warning(
                f"{where} asks for tier {key} of campaign {campaign}, but it is one of"
                f" campaign {home[key]}.",
                hint=f'Say campaign="{home[key]}" there, or name a tier of {campaign}.',
                id="django_patreon.W009",
            )


def _keys(rule: Rule) -> list[str]:
    return [key for each in rule.named_tiers if (key := tier_id(each)) is not None]


def _default_campaign(using: str) -> str | None:
    """Find the campaign that a rule means which names none, as gates do."""
    chosen = patreon_settings().CAMPAIGN_ID
    ours = Campaign.objects.using(using).filter(is_ours=True).values_list("patreon_id", flat=True)
    return chosen if chosen is not None else (ours[0] if len(ours) == 1 else None)


def _tables(using: str) -> list[str]:
    connection = connections[using]
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)
