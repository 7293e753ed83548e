"""Settings for behaviour of Patreon that is unknown or disputed, or that only some have observed.

Each default is what Patreon documents, or what was observed, or else what is stricter on a client.
Scripts change settings under `/_sandbox/settings`, people in the control room.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["LAST_PAGES", "Settings"]

LAST_PAGES = (
    "null cursor, no links",
    "null cursor, null link",
    "no cursor, no links",
    "no cursor, null link",
)
"""The four forms of a last page (all observed). A client must take each for the end."""


def _setting(default: Any, description: str, *choices: Any) -> Any:
    return field(default=default, metadata={"description": description, "choices": choices})


@dataclass(kw_only=True)
class Settings:
    """All settings. `read` checks and changes some of them."""

    one_pair_per_user: bool = _setting(
        False, "Signing in again revokes the person's older tokens (some have observed it)."
    )
    keep_access_on_refresh: bool = _setting(
        False, "The old access token stays valid after a refresh (unknown at Patreon)."
    )
    last_page: str = _setting(
        LAST_PAGES[0], "What the end of a list looks like (all four observed).", *LAST_PAGES
    )
    next_link: str = _setting(
        "whole", "Whether links.next keeps fields and includes (unknown).", "whole", "cursor only"
    )
    count_above_most: str = _setting(
        "clamp", "The answer to a page[count] above the largest page (unknown).", "clamp", "refuse"
    )
    email_without_scope: str = _setting(
        "absent", "An e-mail address whose scope is missing (unknown).", "absent", "null"
    )
    masked_members: bool = _setting(
        False, "Members without name, address and user (identity masking since 2026-05, inferred)."
    )
    entitled_tiers: str = _setting(
        "listed",
        "The relation currently_entitled_tiers (absent in some hooks: observed).",
        "listed",
        "absent",
        "null",
    )
    pledge_cadence: str = _setting(
        "number",
        "How pledge_cadence is sent (documented as text now, as a number before).",
        "number",
        "text",
    )
    extra_fields: bool = _setting(
        False, "Every resource has one more attribute, which is not documented."
    )
    cancelled_status: str = _setting(
        "former_patron",
        "The status from cancelling until the paid period ends (official; active: observed).",
        "former_patron",
        "active_patron",
    )
    declined_keeps_tiers: bool = _setting(
        True, "Tiers stay listed while a declined charge is tried again (unknown)."
    )
    webhook_created_status: int = _setting(
        201, "The status of a webhook that was made (clients accept either).", 201, 200
    )
    webhook_order: str = _setting(
        "as it happened",
        "The order in which waiting events are sent.",
        "as it happened",
        "reversed",
        "shuffled",
    )
    webhook_copies: int = _setting(1, "How often each event is sent.", 1, 2, 3)
    webhook_hold: bool = _setting(False, "No event is sent while this is true.")
    webhook_success: str = _setting(
        "200 only",
        "Which answers count as delivered (others than 200: unknown).",
        "200 only",
        "any 2xx",
    )
    webhook_holds_back: bool = _setting(
        True, "A failing event holds back those after it (inferred)."
    )
    webhook_pauses_after: int = _setting(
        8, "Failures in a row that pause a hook: after the last retry, or three (one report).", 8, 3
    )

    def plain(self) -> dict[str, Any]:
        """Return all settings by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def choices(self) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """Return the description and the possible values of each setting."""
        return {
            each.name: (
                each.metadata["description"],
                each.metadata["choices"] or (False, True),
            )
            for each in fields(self)
        }

    def read(self, given: dict[str, Any]) -> None:
        """Change the settings that are given. Raises `ValueError` and then changes nothing."""
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
