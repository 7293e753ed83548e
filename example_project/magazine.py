"""The magazine: articles for everybody, for patrons and for one tier; and a private podcast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from django_patreon.access import PatronFileView, PatronGatedDetailView, check
from example_project.models import Article, PodcastAddress, new_key

LISTENERS: Any = {"at_least": "silver"}
AUDIO = Path(__file__).parent / "audio"
EPISODES = [("the-lamp.wav", "The sound of the lamp")]
episode_file = PatronFileView.as_view(root=AUDIO, patron_rule=LISTENERS)


@never_cache
def magazine(request: HttpRequest) -> HttpResponse:
    """List all articles, and say which of them are open to the reader."""
    reader: Any = request.user
    context: dict[str, Any] = {
        "articles": Article.objects.all(),
        "visible": set(Article.objects.visible_to(reader).values_list("pk", flat=True)),
        "may_listen": bool(check(reader, **LISTENERS)),
    }
    if context["may_listen"]:
        found = PodcastAddress.objects.filter(user=reader).first()
        if found is not None:
            context["podcast"] = request.build_absolute_uri(reverse("podcast", args=[found.key]))
    return render(request, "magazine/list.html", context)


class ArticlePage(PatronGatedDetailView):
    model = Article
    template_name = "magazine/article.html"


@login_required
@require_POST
def new_podcast_address(request: HttpRequest) -> HttpResponse:
    """Give the user a new private address. The old one ends."""
    owner: Any = request.user
    PodcastAddress.objects.update_or_create(user=owner, defaults={"key": new_key()})
    return redirect("magazine")


@never_cache
def podcast(request: HttpRequest, key: str) -> HttpResponse:
    """The feed at a private address. Each request asks the rule about the address's owner."""
    owner = _owner(key)
    if not check(owner, **LISTENERS):
        return HttpResponseForbidden("This podcast is for Silver and up.", "text/plain")
    episodes = [
        {
            "title": title,
            "address": request.build_absolute_uri(reverse("episode", args=[key, name])),
            "bytes": (AUDIO / name).stat().st_size,
        }
        for name, title in EPISODES
    ]
    return render(
        request,
        "magazine/podcast.xml",
        {"episodes": episodes, "home": request.build_absolute_uri(reverse("magazine"))},
        content_type="application/rss+xml",
    )


@never_cache
def episode(request: HttpRequest, key: str, path: str) -> Any:
    """An episode's file at a private address, by the same rule as the feed."""
    owner = _owner(key)
    if not check(owner, **LISTENERS):
        return HttpResponseForbidden("This podcast is for Silver and up.", "text/plain")
    request.user = owner  # A podcast app has no session: the address says who asks.
    return episode_file(request, path=path)


def _owner(key: str) -> Any:
    address = get_object_or_404(PodcastAddress.objects.select_related("user"), key=key)
    return address.user
