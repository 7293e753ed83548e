"""PatreonAccount: who somebody is on Patreon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, router, transaction
from django.utils.translation import gettext_lazy as _

from django_patreon.fields import EncryptedTextField
from django_patreon.moments import to_aware

__all__ = [
    "LEASE_COLUMNS",
    "PAIR_COLUMNS",
    "PatreonAccount",
    "as_plain",
    "memberships_as_plain",
]

LEASE_COLUMNS = frozenset({"refresh_lease", "refresh_lease_until"})
"""Columns of the lease: which process may renew the pair."""
_OURS = LEASE_COLUMNS | {"token_generation", "client_id"}
"""Columns that are not about the person, and not exported."""
PAIR_COLUMNS = frozenset(
    {
        "access_token",
        "refresh_token",
        "token_expires_at",
        "token_lifetime",
        "token_generation",
        "client_id",
        "scopes",
        "state",
    }
)
"""The columns of one pair of tokens, which are always written together."""


class PatreonAccount(models.Model):
    """A Patreon identity, and the user of this site that it belongs to.

    The token columns are written by `tokens` alone. Both columns are unique in the database, so an
    identity never belongs to two users, and a user never has two identities.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", _("connected")
        RECONNECT = "reconnect", _("needs to reconnect")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="patreon_account",
        verbose_name=_("user"),
    )
    patreon_id = models.CharField(_("Patreon id"), max_length=64, unique=True)
    full_name = models.CharField(_("name on Patreon"), max_length=255, blank=True)
    vanity = models.CharField(_("vanity"), max_length=255, blank=True)
    email = models.EmailField(
        _("e-mail on Patreon"),
        blank=True,
        help_text=_("Only an address that Patreon says is verified."),
    )
    image_url = models.TextField(_("picture"), blank=True)
    url = models.TextField(_("page on Patreon"), blank=True)

    scopes = models.JSONField(_("granted scopes"), default=list, blank=True)
    access_token = EncryptedTextField(blank=True, default="")
    refresh_token = EncryptedTextField(blank=True, default="")
    token_expires_at = models.DateTimeField(_("token expires"), null=True, blank=True)
    token_lifetime = models.DurationField(
        _("token lives for"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("As Patreon said when it gave it."),
    )
    token_generation = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text=_("Counts the pairs: whoever holds an older one knows."),
    )
    client_id = models.CharField(
        max_length=255,
        blank=True,
        default="",
        editable=False,
        help_text=_("The client that got the tokens: only it can renew them."),
    )
    refresh_lease = models.CharField(
        max_length=32, blank=True, editable=False, help_text=_("Who is refreshing right now.")
    )
    refresh_lease_until = models.DateTimeField(null=True, editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.CONNECTED
    )

    last_refresh_attempt_at = models.DateTimeField(_("last refresh tried"), null=True, blank=True)
    last_refresh_success_at = models.DateTimeField(
        _("last refresh succeeded"), null=True, blank=True
    )
    last_refresh_failure_at = models.DateTimeField(_("last refresh failed"), null=True, blank=True)
    last_refresh_message = models.TextField(_("why it failed"), blank=True)

    last_sign_in_at = models.DateTimeField(_("last sign-in with Patreon"), null=True, blank=True)
    last_look_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text=_("When Patreon was last asked because the person wanted it."),
    )
    created_at = models.DateTimeField(_("connected since"), auto_now_add=True)

    class Meta:
        verbose_name = _("Patreon account")
        verbose_name_plural = _("Patreon accounts")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(patreon_id=""), name="patreon_account_has_an_id"
            )
        ]

    def __str__(self) -> str:
        return self.full_name or self.patreon_id

    def save(self, **options: Any) -> None:
        """Save, but never an older pair of tokens over a newer one.

        The caller may have read the row before another process renewed the tokens. That new pair
        exists nowhere else.
        """
        using = options.get("using") or router.db_for_write(type(self), instance=self)
        is_new = self._state.adding or self._state.db != using or options.get("force_insert")
        if is_new or options.get("update_fields") is not None:
            super().save(**options)
            return
        loaded = {each.attname for each in self._meta.concrete_fields} - self.get_deferred_fields()
        others = loaded - PAIR_COLUMNS - LEASE_COLUMNS - {self._meta.pk.attname}
        same_pair = (
            type(self)
            ._base_manager.using(using)
            .filter(pk=self.pk, token_generation=self.token_generation)
        )
        with transaction.atomic(using=using):
            super().save(**options | {"update_fields": others})
            same_pair.update(**{name: self.__dict__[name] for name in PAIR_COLUMNS & loaded})

    @property
    def needs_reconnect(self) -> bool:
        """True if the person must sign in with Patreon again before their tokens can be used."""
        return self.state == self.State.RECONNECT or not self.access_token.readable

    def export(self) -> dict[str, Any]:
        """Return everything that is stored about the person, as plain data without any secret.

        Times are ISO 8601 in UTC, spans seconds. Memberships (with their
        tiers and events) and passes are lists of the same.
        """
        return {
            **as_plain(self),
            "username": self.user.get_username(),
            "memberships": memberships_as_plain(self.memberships.all()),
            "passes": [as_plain(each) for each in self.user.patreon_grants.all()],
        }


def memberships_as_plain(rows: models.QuerySet[Any]) -> list[dict[str, Any]]:
    """Return memberships with their tiers and events as plain data."""
    return [
        {
            **as_plain(each),
            "tiers": [{"id": tier.patreon_id, "title": tier.title} for tier in each.tiers.all()],
            "events": [as_plain(event) for event in each.events.all()],
        }
        for each in rows.prefetch_related("tiers", "events").order_by("pk")
    ]


def as_plain(row: models.Model) -> dict[str, Any]:
    """Return the columns of a row as plain data, without tokens."""
    found: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if isinstance(field, EncryptedTextField) or field.name in _OURS:
            continue
        value = field.value_from_object(row)
        if isinstance(value, datetime):
            value = to_aware(value).astimezone(UTC).isoformat()
        elif isinstance(value, timedelta):
            value = value.total_seconds()
        found[field.name] = value
    return found
