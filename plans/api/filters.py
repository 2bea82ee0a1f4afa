"""Filters that several lists share."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django_filters.rest_framework import CharFilter


class CommandFilter(CharFilter):
    """A command by its key, ``plugin:name``; by its name alone those of every plugin."""

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return rows
        wanted = Q(**{self.field_name: value})
        return rows.filter(
            wanted if ":" in value else wanted | Q(**{f"{self.field_name}__endswith": f":{value}"})
        )
