"""Where the page gets what draws its charts."""

from __future__ import annotations

from functools import cache

from django import template
from django.templatetags.static import static

from plans.drawing import browser_library

register = template.Library()


@register.simple_tag
@cache
def chart_library() -> str:
    """The address of the library that draws charts: a page loads it when one comes into view."""
    return static(f"gtm/{browser_library.path().name}")
