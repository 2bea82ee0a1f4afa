"""Pages show and take times in the zone of the person who reads them; REST stays in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gtm.core.models import AccountZone
from programs.models import Person
from programs.models.place import usable_zone

IN_UTC = ("/api/", "/static/")


class OwnTimeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(IN_UTC) or (zone := zone_of(request.user)) is None:
            return self.get_response(request)
        with timezone.override(zone):
            return self.get_response(request)


def zone_of(user: Any) -> str | None:
    """The time zone that an account has chosen, else of the person behind it; None where there is none."""
    if not user.is_authenticated:
        return None
    if (own := AccountZone.objects.filter(user=user.pk).first()) is not None:
        return usable_zone(own.time_zone)
    person = Person.objects.filter(accounts=user).order_by("pk").only("time_zone").first()
    return person.zone if person else None
