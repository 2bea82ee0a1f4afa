"""Pages show and take times in the zone of the person who reads them; REST stays in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from programs.models import Person

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
    """The time zone of the person behind an account; None where there is none."""
    if not user.is_authenticated:
        return None
    person = Person.objects.filter(accounts=user).order_by("pk").only("time_zone").first()
    return person.zone if person else None
