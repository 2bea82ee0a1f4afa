"""Anchors of the change log and where their copies are, for auditors."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from gtm.core.admin.base import ReadOnly
from gtm.core.models import Anchor, AnchorCopy


class CopyInline(ReadOnly, TabularInline):
    model = AnchorCopy
    fields = ["place", "delivered_at", "attempts", "error"]
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Anchor)
class AnchorAdmin(ReadOnly, ModelAdmin):
    list_display = ["number", "at", "root", "chains"]
    ordering = ["-number"]
    inlines = [CopyInline]

    @admin.display(description="Chains that grew")
    def chains(self, anchor: Anchor) -> int:
        return len(anchor.heads)
