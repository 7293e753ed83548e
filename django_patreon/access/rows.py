"""A view of one `PatronGated` row: closed by the row's own rule, as `visible_to` filters lists."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.utils.decorators import classonlymethod
from django.views.generic import DetailView

from django_patreon.entitlement import Reason

from .answers import refusal
from .classes import refuse_a_way_round, refuse_another_argument, refuse_another_campaign
from .gated import PatronGated
from .gates import PatronRequiredMixin, keep_private
from .patron import patron_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    _DetailView = DetailView[Any]
else:
    _DetailView = DetailView  # has no type parameter at run time

__all__ = ["PatronGatedDetailView", "gate_for"]


def gate_for(
    request: HttpRequest, row: PatronGated, *, campaign: Any = None
) -> HttpResponse | None:
    """Return what to answer instead of the row; None when the reader may see it.

    `campaign` is as in `visible_to`, and the two agree on every row. The answer depends on who
    asks, so no cache may keep it, whatever the row says.

        def story(request, pk):
            row = get_object_or_404(Story, pk=pk)
            return gate_for(request, row) or render(request, "story.html", {"story": row})

    If the row has a `teaser` (a column or a property), the locked page shows it under `str(row)`.
    """
    if not isinstance(row, PatronGated):
        raise TypeError(
            f"gate_for wants a row of a PatronGated model, and not {type(row).__name__}."
            " Close another view with patron_required or PatronRequiredMixin."
        )
    patron_of(request).mark_asked()
    decision = row.decision_for(request.user, campaign=campaign)
    if decision.allowed:
        return None
    whose = row.campaign_id_for_gate(campaign)  # which reads the row's tier
    if decision.reason is Reason.ANONYMOUS:
        decision = row.decision_for(
            request.user, campaign=campaign
        )  # the tier is loaded now, so it has `needs`
    found = refusal(request, decision, whose, row=row)
    return None if found is None else keep_private(found)


class PatronGatedDetailView(_DetailView):
    """Django's `DetailView` of a `PatronGated` model, for those who may see the row."""

    patron_campaign: Any = None
    """The campaign of rows without one of their own; None: the site's own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_another_campaign(cls, has_a_rule=issubclass(cls, PatronRequiredMixin))
        refuse_a_way_round(cls, PatronGatedDetailView)

    @classonlymethod
    def as_view(cls, **given: Any) -> Any:
        refuse_another_argument(cls, given, "patron_campaign")
        return super().as_view(**given)

    def get_object(self, queryset: Any = None) -> Any:
        """Return the row, which is read once for a request."""
        if not hasattr(self, "_row"):
            self._row = super().get_object(queryset)
        return self._row

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.view_is_async:
            return self._adispatch(request, *args, **kwargs)
        found = self._gate(request)
        return keep_private(found or super().dispatch(request, *args, **kwargs))

    async def _adispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        found: Any = await sync_to_async(self._gate)(request)
        if found is None:
            answer: Any = super().dispatch(request, *args, **kwargs)
            found = await answer if isawaitable(answer) else answer
        return keep_private(found)

    def _gate(self, request: HttpRequest) -> HttpResponse | None:
        return gate_for(request, self.get_object(), campaign=self.patron_campaign)
