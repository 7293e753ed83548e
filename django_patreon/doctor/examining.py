"""Looking at one thing after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings
from django.core import checks
from django.db import connections, router

from django_patreon.exceptions import PatreonError
from django_patreon.models import PatreonAccount

from . import here, patreon
from .findings import Finding, Level

__all__ = ["examine"]

_WHY = {
    Level.ERROR: "The site does not work, or is not safe, until this is mended.",
    Level.WARNING: "Something that visitors or operators meet does not work as it should.",
}


def examine(*, online: bool = False) -> list[Finding]:
    """Return the findings of all examinations. What an examination raises is a finding, too."""
    found = list(_checks())
    parts: list[Callable[[], Iterator[Finding]]] = [
        here.database,
        here.redirect_uris,
        here.tokens,
        here.syncs,
        here.rate_limit,
    ]
    # Without settings, or without id and secret, there is nothing to ask with.
    if online and not any(each.id in ("E002", "W001") for each in found):
        parts += [patreon.client, patreon.campaigns, patreon.webhooks]
    needs_tables = (here.tokens, here.syncs, patreon.campaigns, patreon.webhooks)
    for part in parts:
        if part in needs_tables and any(each.id in ("D010", "D011") for each in found):
            continue
        try:
            found += part()
        except PatreonError as error:
            found.append(
                Finding(
                    id="D100",
                    level=Level.ERROR,
                    what=f"Patreon could not be asked ({part.__name__}): {error}",
                    why="Nobody can sign in while this site does not reach Patreon.",
                    cure="Try again. If it stays so, look at the network, proxies and BASE_URL.",
                )
            )
        except Exception as error:  # the doctor goes on, whatever is broken
            found.append(
                Finding(
                    id="D000",
                    level=Level.ERROR,
                    what=f"The examination {part.__name__} failed: {type(error).__name__}.",
                    why="What it would have found is not known.",
                    cure="Mend the errors above, run migrate, and run the doctor again.",
                )
            )
    return found


def _checks() -> Iterator[Finding]:
    """Run the system checks of this app: those of a deployment, too, unless DEBUG is on."""
    using = router.db_for_write(PatreonAccount)
    reachable = here.is_reachable(connections[using])
    messages = checks.run_checks(
        include_deployment_checks=not settings.DEBUG, databases=[using] if reachable else []
    )
    for each in messages:
        if not str(each.id).startswith("django_patreon.") or each.is_silenced():
            continue
        level = Level.ERROR if each.level >= checks.ERROR else Level.WARNING
        yield Finding(
            id=str(each.id).removeprefix("django_patreon."),
            level=level,
            what=each.msg,
            why=_WHY[level],
            cure=each.hint or "",
        )
