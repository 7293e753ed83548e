"""A sign-in's pipeline in one transaction, which starts over when another sign-in came first."""

from __future__ import annotations

import logging
import random
import secrets
import time
import traceback
from itertools import pairwise
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, connections, router, transaction
from social_core.backends.oauth import BaseOAuth2
from social_core.exceptions import AuthAssociationError, SocialAuthBaseException

from django_patreon.models import PatreonAccount

from .accounts import hold_identity, uses_django_users
from .grants import keep_pair

__all__ = ["InOneTransaction"]

logger = logging.getLogger("django_patreon")

ATTEMPTS = 5
"""How often a sign-in is tried if another one of the same person was faster."""


class InOneTransaction(BaseOAuth2[Any]):
    """Runs the pipeline of a backend; what it wrote is kept whole or not at all."""

    suffix = ""
    """Text behind a username after the first attempt; see `_run_in_one`."""

    def pipeline(self, pipeline: Any, pipeline_index: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline in one transaction; once more when another sign-in came first.

        Two browsers that finish the first sign-in of one person at the same time both try to make
        the user. The database lets one through; the other starts over and finds that user.
        """
        if not uses_django_users(self):
            return super().pipeline(pipeline, pipeline_index, *args, **kwargs)
        is_complete = False
        try:
            found = self._run_in_one(pipeline, pipeline_index, *args, **kwargs)
            is_complete = isinstance(found, self.strategy.storage.user.user_model())
        finally:
            if not is_complete:  # it failed, or a step of the site's own interrupted it
                keep_pair(kwargs.get("response") or {})
        return found

    def _run_in_one(self, steps: list[str], pipeline_index: int, *args: Any, **kwargs: Any) -> Any:
        using = router.db_for_write(PatreonAccount)
        for remaining in reversed(range(ATTEMPTS)):
            try:
                with transaction.atomic(using=using):
                    hold_identity(kwargs.get("response") or {})
                    return super().pipeline(steps, pipeline_index, *args, **kwargs)
            except (AuthAssociationError, IntegrityError) as error:
                if kwargs.get("user") or not remaining or not _is_our_race(error):
                    raise self._conflict(error) from error
                # A name that the database calls taken, such as one that differs in case only,
                # looks free to social-auth.
                self.suffix = f"_{secrets.token_hex(3)}"
            except DataError as error:
                raise self._conflict(error) from error
            except OperationalError:
                # A deadlock, or SQLite's lock: worth another try unless the transaction is not
                # ours to start over.
                if not remaining or connections[using].in_atomic_block:
                    raise
            time.sleep(random.uniform(0, 0.05))  # noqa: S311  (two losers should not tie again)
        raise AssertionError("unreachable")

    def _conflict(self, error: Exception) -> SocialAuthBaseException:
        if isinstance(error, SocialAuthBaseException):
            return error
        logger.error(
            "The database refused to save a sign-in with Patreon (%s in %s). Look at that pipeline"
            " step, and at receivers of signals that it sends.",
            type(error).__name__,
            _step_of(error),
        )
        return AuthAssociationError(self, code="storage_conflict", stage="pipeline")


def _is_our_race(error: Exception) -> bool:
    """Return True if another sign-in may have caused the error: in a step of social-auth or
    ours."""
    return not isinstance(error, IntegrityError) or _step_of(error).startswith(
        ("social_core.pipeline.", "django_patreon.")
    )


def _step_of(error: Exception) -> str:
    """Return the module and name of the pipeline step that raised the error."""
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    for before, frame in pairwise(frames):
        if before.f_code.co_name == "run_pipeline":
            return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"
    return "the transaction's end"
