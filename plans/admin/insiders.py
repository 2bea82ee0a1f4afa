"""Pages of what belongs to plans are for our own people: a partner would read of another in them."""

from typing import Any

from django.http import HttpRequest

from plans.selectors import is_partners_contact


class OurPeopleOnly:
    """An admin whose rows name deals, people or figures of every partner."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_view_permission(request, obj)  # type: ignore[misc] - a mixin of ModelAdmin
        return may and not is_partners_contact(request.user)
