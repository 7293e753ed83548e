"""How the sandbox decides what is unknown, disputed or strange about Patreon. One place for all.

Each switch begins at what Patreon documents or was seen to do, or else at what is stricter on a
client. Scripts set them under `/_sandbox/settings`, people in the control room.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .paging import LAST_PAGES

__all__ = ["Switches"]


def _switch(default: Any, says: str, *choices: Any) -> Any:
    return field(default=default, metadata={"says": says, "choices": choices})


@dataclass(kw_only=True)
class Switches:
    """All of them. `read` is how outsiders change some."""

    one_pair_per_user: bool = _switch(
        False, "Signing in again kills the person's older tokens (some have seen it)."
    )
    keep_access_on_refresh: bool = _switch(
        False, "The old access token outlives a refresh (unknown at Patreon)."
    )
    last_page: str = _switch(
        LAST_PAGES[0], "What the end of a list looks like (all four observed).", *LAST_PAGES
    )
    next_link: str = _switch(
        "whole", "Does links.next keep fields and includes? (unknown)", "whole", "cursor only"
    )
    count_above_most: str = _switch(
        "clamp", "page[count] above the most a page holds (unknown).", "clamp", "refuse"
    )
    email_without_scope: str = _switch(
        "absent", "An address whose scope is missing (unknown).", "absent", "null"
    )
    masked_members: bool = _switch(
        False, "Members without name, address and user (identity masking since 2026-05, inferred)."
    )
    entitled_tiers: str = _switch(
        "listed",
        "The relation currently_entitled_tiers (absent in some hooks: observed).",
        "listed",
        "absent",
        "null",
    )
    pledge_cadence: str = _switch(
        "number",
        "How pledge_cadence is sent (documented as text now, as a number before).",
        "number",
        "text",
    )
    extra_fields: bool = _switch(False, "Every resource has an attribute nobody knows.")
    cancelled_status: str = _switch(
        "former_patron",
        "The status from cancelling until the paid period ends (official; active: observed).",
        "former_patron",
        "active_patron",
    )
    declined_keeps_tiers: bool = _switch(
        True, "Tiers stay listed while a declined charge is tried again (unknown)."
    )
    webhook_created_status: int = _switch(
        201, "The status of a webhook that was made (clients accept either).", 201, 200
    )
    webhook_order: str = _switch(
        "as it happened",
        "In which order events go out that wait together.",
        "as it happened",
        "reversed",
        "shuffled",
    )
    webhook_copies: int = _switch(1, "How often each event is sent.", 1, 2, 3)
    webhook_hold: bool = _switch(False, "Events are kept back until this is switched off.")
    webhook_success: str = _switch(
        "200 only",
        "Which answers count as delivered (others than 200: unknown).",
        "200 only",
        "any 2xx",
    )
    webhook_holds_back: bool = _switch(
        True, "A failing event holds back those after it (inferred)."
    )
    webhook_pauses_after: int = _switch(
        8, "Failures in a row that pause a hook: after the last retry, or three (one report).", 8, 3
    )

    def plain(self) -> dict[str, Any]:
        """All switches by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def choices(self) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """What each switch says, and what it can be."""
        return {
            each.name: (
                each.metadata["says"],
                each.metadata["choices"] or (False, True),
            )
            for each in fields(self)
        }

    def read(self, given: dict[str, Any]) -> None:
        """Change some. Raises `ValueError` with the reason, and changes nothing then."""
        known = self.choices()
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"unknown setting {name[:40]!r}; known: {', '.join(known)}")
            allowed = known[name][1]
            if not any(type(value) is type(each) and value == each for each in allowed):
                if allowed == (False, True):
                    raise ValueError(f"{name} must be true or false")
                raise ValueError(f"{name} must be one of: {'; '.join(map(str, allowed))}")
        for name, value in given.items():
            setattr(self, name, value)
