"""The time zone of one's own account: in which its pages show times, and take what is typed."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from gtm.core.models import AccountZone
from gtm.core.places import world


def page(request: HttpRequest) -> HttpResponse:
    """Choose a time zone, or go back to the one in which the person of this account works."""
    if not request.user.is_authenticated:
        return admin.site.login(request)
    row = AccountZone.objects.filter(user=request.user).first()
    asked = request.POST.get("time_zone", "").strip()
    wrong = world.wrong_zone(asked) if asked else ""
    if request.method == "POST" and not wrong:
        if asked:
            AccountZone.objects.update_or_create(user=request.user, defaults={"time_zone": asked})
        elif row is not None:
            row.delete()
        told = f"Times are in {asked} from now on." if asked else "Times are where you work again."
        messages.success(request, told)
        return HttpResponseRedirect(reverse("own_zone"))
    if wrong:
        messages.error(request, wrong)
    context = {
        **admin.site.each_context(request),
        "title": "Time zone",
        "chosen": asked or (row.time_zone if row else ""),
        "zones": sorted(zone for zone in world.zones() if "/" in zone or zone == "UTC"),
    }
    return TemplateResponse(request, "gtm/own_zone.html", context, status=400 if wrong else 200)
