"""A library that has nothing of ours in it."""

from __future__ import annotations

from django import template

register = template.Library()
