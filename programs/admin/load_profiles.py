"""Load profiles in the admin: how the exports of a source are read, with history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from gtm.core.admin import GovernedAdmin
from gtm.core.admin.lines import AS_LINES
from programs.datasets.loading.limits import CHOICES
from programs.models import LoadProfile


@admin.register(LoadProfile)
class LoadProfileAdmin(GovernedAdmin):
    list_display = ["name", "program", "kind", "is_active", "version"]
    list_filter = ["program", "kind", "is_active"]
    search_fields = ["name"]
    list_select_related = ["program"]
    formfield_overrides = AS_LINES
    fieldsets = [
        (None, {"fields": ["program", "name", "kind", "is_active"]}),
        (
            "How the files are read",
            {
                "fields": ["mapping", "options"],
                "description": "Options: " + "; ".join(f"{each.name}: {each.help}" for each in CHOICES),
            },
        ),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
