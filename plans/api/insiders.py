"""Lists of what belongs to plans are for our own people: a partner would read of another in them."""

from __future__ import annotations

from typing import Any

from rest_framework.viewsets import GenericViewSet

from plans.selectors import for_our_people


class ListForOurPeople(GenericViewSet):
    """A list, and the actions on its rows, without what a partner's contact must not see."""

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(for_our_people(queryset, self.request.user))
