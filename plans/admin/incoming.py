"""Incoming webhooks in the admin: which system may send rows, its secret, and what became of each message."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gtm.core.admin import GovernedAdmin, ReadOnly
from gtm.core.admin.actions import Link, OfferedActions, offer
from gtm.core.admin.base import ActingAdmin
from plans.admin.insiders import OurPeopleOnly
from plans.admin.webhook_secret import SecretPage, may_manage
from plans.drawing import badges
from plans.models import IncomingSource, ReceivedMessage


@admin.register(IncomingSource)
class IncomingSourceAdmin(SecretPage, OurPeopleOnly, GovernedAdmin):
    secret_page = "plans_incoming_secret"  # noqa: S105 - the name of an address
    list_display = ["name", "profile", "series", "account", "is_active"]
    list_filter = ["is_active", "profile__program"]
    list_select_related = ["profile__program", "account"]
    search_fields = ["name"]
    fields = ["name", "profile", "series", "account", "is_active"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Service accounts alone: the model refuses every other."""
        if db_field.name == "account":
            users = db_field.remote_field.model.objects
            kwargs["queryset"] = users.filter(service_account__isnull=False).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ReceivedMessage)
class ReceivedMessageAdmin(OurPeopleOnly, ReadOnly, ActingAdmin, OfferedActions):
    list_display = ["event_id", "source", "received_at", "status", "dataset", "why"]
    list_filter = ["state", "source"]
    list_select_related = ["source", "dataset__program"]
    search_fields = ["event_id"]
    show_full_result_count = False
    fields = ["source", "event_id", "sha256", "media_type", "received_at", "status", "dataset", "why"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("raw")

    @admin.display(description="State", ordering="state")
    def status(self, row: ReceivedMessage) -> str:
        return badges.badge(row)


def _open_secret(request: HttpRequest, rows: list[IncomingSource]) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:plans_incoming_secret", args=[rows[0].pk]))


def _open_messages(request: HttpRequest, rows: list[IncomingSource]) -> HttpResponse:
    at = reverse("admin:plans_receivedmessage_changelist")
    return HttpResponseRedirect(f"{at}?source__id__exact={rows[0].pk}")


def _sees(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.view_receivedmessage")


def of_sources() -> list[Any]:
    one = frozenset({"row", "page"})
    return [
        Link("messages", "Messages", _sees, icon="inbox", slots=one, respond=_open_messages),
        Link("new_secret", "New secret", may_manage, icon="key", slots=one, respond=_open_secret),
    ]


offer(IncomingSource, of_sources)
