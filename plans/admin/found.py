"""Search of the lists that grow with every plan."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from plans.models.plan import PLAN_ID_PREFIX


class FoundByPlanId:
    """A search for a plan's id compares its beginning, which an index answers; words look in the texts."""

    search_fields: list[str]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [field for field in self.search_fields if not field.endswith("plan_id")]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term.startswith(PLAN_ID_PREFIX):
            path = next(field for field in self.search_fields if field.endswith("plan_id"))
            return queryset.filter(**{f"{path}__startswith": search_term}), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
