"""Who was notified what, over which channel, and what has not arrived."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.drawing import badges
from plans.engine.notices import delivery
from plans.models import Notification, NotificationPreference


@admin.register(Notification)
class NotificationAdmin(ReadOnly, GovernedAdmin):
    list_display = ["subject", "person", "channel", "status", "due_at", "sent_at", "attempts", "error"]
    list_filter = ["state", "channel"]
    list_select_related = ["person", "notice"]
    search_fields = ["subject", "person__name"]
    actions = ["send_again"]

    @admin.display(description="State", ordering="state")
    def status(self, message: Notification) -> str:
        return badges.badge(message)

    @admin.action(description="Send again", permissions=["operate"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notification]) -> None:
        for message in chosen:
            try:
                with acting_in_admin(request):
                    delivery.send_again(message, comment="Sent again from the admin")
            except GtmError as error:
                tell(request, error)
            else:
                messages.success(request, f"{message}: queued again.")

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("plans.operate_plan")


@admin.register(NotificationPreference)
class NotificationPreferenceAdmin(GovernedAdmin):
    list_display = ["person", "by_mail", "channels", "digest", "digest_hour"]
    list_select_related = ["person"]
    autocomplete_fields = ["person"]
