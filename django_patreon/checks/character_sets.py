"""Do the tables of MySQL and MariaDB take every character?"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import models, router

from django_patreon.columns import three_byte_columns

__all__ = ["check_character_sets"]


@register(Tags.database)
def check_character_sets(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Look for columns that take no emoji, which names on Patreon are full of."""
    faults: list[CheckMessage] = []
    for model in (*apps.get_app_config("django_patreon").get_models(), get_user_model()):
        using, table = router.db_for_write(model), model._meta.db_table
        if using not in (databases or ()):
            continue
        found = sorted(_of_words(model).intersection(three_byte_columns(using).get(table, ())))
        if found:
            faults.append(
                Warning(
                    f"Table {table} takes no characters of four bytes, such as emoji, in"
                    f" {', '.join(found)}: U+FFFD is stored in their place.",
                    hint="After a backup convert each of these columns: ALTER TABLE ... MODIFY ..."
                    " CHARACTER SET utf8mb4, with the type that it has. Set OPTIONS['charset'] in"
                    " DATABASES to 'utf8mb4', and restart the site.",
                    id="django_patreon.W016",
                )
            )
    return faults


def _of_words(model: type[models.Model]) -> set[str]:
    """Return the columns that hold what people write; not ids, which are ASCII and may stay."""
    targets = {each.target_field for each in model._meta.related_objects}
    return {
        str(each.column)
        for each in model._meta.concrete_fields
        if isinstance(each, models.CharField | models.TextField) and each not in targets
    }
