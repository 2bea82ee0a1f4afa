"""Filters of lists: an instant or a day at the end of time is refused as an input is."""

from __future__ import annotations

from django.db import models
from django_filters.rest_framework import DjangoFilterBackend, FilterSet

from gtm.core.api.fields import DayFilter, InstantFilter


class Countable(FilterSet):
    FILTER_DEFAULTS = {  # noqa: RUF012 - as the base says it
        **FilterSet.FILTER_DEFAULTS,
        models.DateField: {"filter_class": DayFilter},
        models.DateTimeField: {"filter_class": InstantFilter},
    }


class Filters(DjangoFilterBackend):
    filterset_base = Countable
