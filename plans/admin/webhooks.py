"""Webhooks in the admin: who outside is told, a new secret shown once, and what became of each message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from gtm.core.actors import Actor
from gtm.core.admin import GovernedAdmin, ReadOnly
from gtm.core.admin.actions import (
    Answers,
    Deed,
    Link,
    OfferedActions,
    ReasonForm,
    offer,
    why_not,
)
from gtm.core.admin.base import ActingAdmin
from gtm.core.fsm import perform
from plans import selectors
from plans.admin.insiders import OurPeopleOnly
from plans.admin.webhook_secret import SecretPage, may_manage
from plans.drawing import badges
from plans.engine.webhooks import subscriptions
from plans.models import UNDELIVERED_STATES, WebhookDelivery, WebhookSubscription
from plans.schemas import webhook_events


class WebhookForm(forms.ModelForm):
    """What is told where; the model says what fits."""

    url = forms.URLField(
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=WebhookSubscription._meta.get_field("url").help_text,
    )
    events = forms.MultipleChoiceField(
        choices=[(kind, f"{kind}: {what}") for kind, what in webhook_events.TYPES.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: every event",
    )

    class Meta:
        model = WebhookSubscription
        fields = ["name", "url", "program", "events"]


class ReplayForm(ReasonForm):
    """From when on events are sent again, of one plan or of all, with the reason."""

    since = forms.DateTimeField(widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}))
    plan = forms.CharField(
        required=False,
        max_length=60,
        widget=UnfoldAdminTextInputWidget,
        help_text="The id of a plan; empty for all",
    )
    field_order = ("since", "plan", "reason")


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(SecretPage, OurPeopleOnly, GovernedAdmin):
    secret_page = "plans_webhook_secret"  # noqa: S105 - the name of an address
    form = WebhookForm
    list_display = ["name", "url", "program", "status", "failing_since", "owner"]
    list_filter = ["state", "program"]
    list_select_related = ["program", "owner"]
    search_fields = ["name", "url"]
    shortcuts = [("Disabled", "?state=disabled"), ("Active", "?state=active")]
    fields = ["name", "url", "program", "events", "status", "owner", "disabled_why", "failing_since"]
    readonly_fields = ["status", "owner", "disabled_why", "failing_since"]

    @admin.display(description="State", ordering="state")
    def status(self, row: WebhookSubscription) -> str:
        return badges.badge(row) if row.pk else "–"

    def save_model(self, request: HttpRequest, obj: WebhookSubscription, form: Any, change: bool) -> None:
        if not change:
            obj.owner = request.user
        super().save_model(request, obj, form, change)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(OurPeopleOnly, ReadOnly, ActingAdmin, OfferedActions):
    list_display = [
        "event_id",
        "type",
        "subscription",
        "plan",
        "status_now",
        "attempts",
        "sent_at",
        "error",
    ]
    list_filter = ["state", "subscription", "type"]
    list_select_related = ["subscription", "plan"]
    search_fields = ["event_id", "plan__plan_id"]
    show_full_result_count = False
    list_defer = ["body"]
    fields = [
        "subscription", "event_id", "type", "plan", "chain", "sequence", "status_now", "attempts", "due_at",
        "sent_at", "status", "error", "message",
    ]  # fmt: skip

    @admin.display(description="State", ordering="state")
    def status_now(self, row: WebhookDelivery) -> str:
        return badges.badge(row)

    @admin.display(description="Message")
    def message(self, row: WebhookDelivery) -> str:
        """What is sent, a line for each value; REST has the bytes."""
        return format_html_join(mark_safe("<br>"), "{}: {}", _lines(json.loads(row.body)))


def _lines(said: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of nested objects with its place, "data.plan"."""
    if not isinstance(said, dict) or not said:
        yield place or "message", said if said not in ({}, []) else "–"
        return
    for name, value in said.items():
        yield from _lines(value, f"{place}.{name}" if place else name)


def _pause(row: WebhookSubscription, told: Answers, seen: str) -> str:
    perform(row, "pause", comment=told["reason"])
    return "paused. What happens meanwhile follows when you resume it."


def _resume(row: WebhookSubscription, told: Answers, seen: str) -> str:
    subscriptions.resume(row, comment=told["reason"])
    return "goes on where it stood."


def _end(row: WebhookSubscription, told: Answers, seen: str) -> str:
    perform(row, "end", comment=told["reason"])
    return "has ended."


def _replay(row: WebhookSubscription, told: Answers, seen: str) -> str:
    plan = selectors.plan_by_id(told["plan"].strip()) if told["plan"].strip() else None
    count = subscriptions.replay(row, since=told["since"], plan=plan, reason=told["reason"])
    return f"{count} events are queued again."


def _why_no_replay(actor: Actor, row: WebhookSubscription) -> str:
    return "it has ended." if row.state == "ended" else ""


def _open_secret(request: HttpRequest, rows: list[WebhookSubscription]) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:plans_webhook_secret", args=[rows[0].pk]))


def _open_deliveries(request: HttpRequest, rows: list[WebhookSubscription]) -> HttpResponse:
    at = reverse("admin:plans_webhookdelivery_changelist")
    return HttpResponseRedirect(f"{at}?subscription__id__exact={rows[0].pk}")


def _sees(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.view_webhookdelivery")


def of_subscriptions() -> list[Any]:
    one = frozenset({"row", "page"})
    return [
        Link("deliveries", "Messages", _sees, icon="outgoing_mail", slots=one, respond=_open_deliveries),
        Link("new_secret", "New secret", may_manage, icon="key", slots=one, respond=_open_secret),
        Deed("pause", "Pause", may_manage, icon="pause", perform=_pause, why_not=why_not("pause"), slots=one),
        Deed("resume", "Resume", may_manage, icon="play_arrow", perform=_resume, why_not=why_not("resume"),
             slots=one),
        Deed("replay", "Send events again", may_manage, icon="replay", perform=_replay, form=ReplayForm,
             why_not=_why_no_replay, slots=one,
             explain="Events are sent again under the ids that they had. A receiver may know them already."),
        Deed("end", "End", may_manage, icon="delete", perform=_end, why_not=why_not("end"), slots=one),
    ]  # fmt: skip


def _send_again(row: WebhookDelivery, told: Answers, seen: str) -> str:
    subscriptions.send_again(row, reason=told["reason"])
    return "queued again."


def _why_not_again(actor: Actor, row: WebhookDelivery) -> str:
    return "it is on its way." if row.state in UNDELIVERED_STATES else ""


def of_deliveries() -> list[Any]:
    return [
        Deed(
            "send_again", "Send again", may_manage, icon="replay", perform=_send_again, why_not=_why_not_again
        )
    ]


offer(WebhookSubscription, of_subscriptions)
offer(WebhookDelivery, of_deliveries)
