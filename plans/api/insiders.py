"""Lists of what belongs to plans are for our own people: a partner would read of another in them."""

from __future__ import annotations

from typing import Any

from rest_framework.viewsets import GenericViewSet

from plans.selectors import for_our_people
from programs.api.insiders import ForOurPeople


class ListForOurPeople(ForOurPeople):
    """A list, and the acts on its rows, without what a partner's contact must not see; its tasks remain."""

    def filter_queryset(self, queryset: Any) -> Any:
        return GenericViewSet.filter_queryset(self, for_our_people(queryset, self.request.user))
