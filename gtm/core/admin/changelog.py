"""The change log as a list, for auditors: newest first, found by plan; rows are read, never touched."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from gtm.core.admin.base import ReadOnly
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogEntry
from gtm.core.readable import readable

MOST = 120  # characters of a value


@admin.register(ChangeLogEntry)
class ChangeLogAdmin(ReadOnly, ModelAdmin):
    """The log only grows: nobody needs to know how many rows it has, and counting them takes longest."""

    list_display = ["when", "chain", "sequence", "who", "what", "field", "before", "after", "reason", "via"]
    list_display_links = ["when"]
    list_select_related = ["payload"]
    list_fullwidth = True
    ordering = ["-id"]
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False
    search_fields = ["chain"]
    search_help_text = "A plan's number, or “installation”"
    fields = [
        "chain",
        "sequence",
        *list_display[3:],
        "written",
        "at",
        "request_id",
        "previous_hash",
        "payload_hash",
        "hash",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChangeLogEntry], search_term: str
    ) -> tuple[QuerySet[ChangeLogEntry], bool]:
        """A chain by its name, which the index finds; a part of a name would read every row."""
        if not search_term:
            return queryset, False
        return queryset.filter(chain__in=[search_term, f"plan:{search_term}"]), False

    @admin.display(description="When (UTC)")
    def when(self, entry: ChangeLogEntry) -> str:
        return entry.at[:19].replace("T", " ")

    @admin.display(description="Who")
    def who(self, entry: ChangeLogEntry) -> str:
        told = self._told(entry)
        person = told["actor"] or "(erased)"
        return f"{person} for {told['on_behalf_of']}" if told["on_behalf_of"] else person

    @admin.display(description="What")
    def what(self, entry: ChangeLogEntry) -> str:
        return f"{self._told(entry)['object'] or entry.entity}: {entry.event}"

    @admin.display(description="Field")
    def field(self, entry: ChangeLogEntry) -> str:
        return self._told(entry)["field"] or "–"

    @admin.display(description="From")
    def before(self, entry: ChangeLogEntry) -> str:
        return Truncator(readable(self._told(entry)["from"])).chars(MOST)

    @admin.display(description="To")
    def after(self, entry: ChangeLogEntry) -> str:
        return Truncator(readable(self._told(entry)["to"])).chars(MOST)

    @admin.display(description="Why")
    def reason(self, entry: ChangeLogEntry) -> str:
        return self._told(entry)["reason"] or "–"

    @admin.display(description="Fields written")
    def written(self, entry: ChangeLogEntry) -> str:
        """What the event wrote beside the field that it is about; long values by their digest."""
        fields = self._told(entry).get(changelog.FIELDS) or {}
        moved = {
            name: f"{readable(v['from'])} → {readable(v['to'])}" if "from" in v else readable(v["to"])
            for name, v in fields.items()
        }
        return readable(moved)

    def _told(self, entry: ChangeLogEntry) -> dict[str, Any]:
        return changelog.row_of(entry)
