"""Datasets in the admin: upload against a contract, preview, rejects. Rows are never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from gtm.core.admin import GovernedAdmin, acting_in_admin, tell
from gtm.core.errors import NotFound
from gtm.core.evidence import departures
from gtm.core.later import later
from programs.admin.load_answer import AnswerPage
from programs.admin.uploads import UploadPages, comes_from_set_up
from programs.datasets.local_time import on_wall_clock
from programs.models import Dataset
from programs.series import answer_of_dataset, mark_current, snapshot_store

if TYPE_CHECKING:
    from programs.datasets.loading import rejects
else:
    rejects = later("programs.datasets.loading.rejects")


@admin.register(Dataset)
class DatasetAdmin(UploadPages, GovernedAdmin):
    list_display = [
        "contents",
        "program",
        "partner",
        "accepted",
        "rejected",
        "window",
        "current",
        "fingerprint",
        "created_at",
    ]
    list_filter = ["kind", "program", "partner"]
    list_select_related = ["program", "partner"]
    search_fields = ["kind", "program__name", "partner__name", "campaign__name", "sources", "sha256"]
    change_list_template = "programs/dataset_list.html"
    readonly_fields = ["contents", "current", "accepted", "rejected", "duplicates", "window", "source_files",
                       "added_up", "columns", "statistics", "reasons"]  # fmt: skip
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "contents",
                    "current",
                    "program",
                    "partner",
                    "accepted",
                    "rejected",
                    "duplicates",
                    "window",
                ]
            },
        ),
        ("Where it came from", {"fields": ["source_files", "added_up", "columns", "sha256", "created_at"]}),
        ("Preview", {"fields": ["statistics"]}),
        ("Rejected rows", {"fields": ["reasons"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return mark_current(super().get_queryset(request))

    @admin.display(description="Current", boolean=True)
    def current(self, dataset: Dataset) -> bool:
        return dataset.is_current

    @admin.display(description="Loads that were added together")
    def added_up(self, dataset: Dataset) -> str:
        if not dataset.parts:
            return "One load."
        parts = (
            (
                ", ".join(source["name"] for source in part["sources"]),
                f"{part['rows']:,}",
                part["sha256"][:12],
            )
            for part in dataset.parts
        )
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}: {} rows, {}</li>", parts))

    @admin.display(description="Kind", ordering="kind")
    def contents(self, dataset: Dataset) -> str:
        return dataset.kind.replace("_", " ")

    @admin.display(description="Rows", ordering="rows")
    def accepted(self, dataset: Dataset) -> str:
        return f"{dataset.rows:,}"

    @admin.display(description="Rejected rows", ordering="rejected_rows")
    def rejected(self, dataset: Dataset) -> str:
        return f"{dataset.rejected_rows:,}"

    @admin.display(description="Duplicate rows")
    def duplicates(self, dataset: Dataset) -> str:
        return f"{dataset.duplicate_rows:,}"

    @admin.display(description="Window")
    def window(self, dataset: Dataset) -> str:
        if dataset.window_start is None or dataset.window_end is None:
            return "–"
        zone = dataset.program.time_zone
        first, last = (on_wall_clock(at, zone) for at in (dataset.window_start, dataset.window_end))
        return f"{first:%Y-%m-%d} – {last:%Y-%m-%d}"

    @admin.display(description="Fingerprint")
    def fingerprint(self, dataset: Dataset) -> str:
        return dataset.sha256[:12]

    @admin.display(description="Files")
    def source_files(self, dataset: Dataset) -> str:
        return ", ".join(f"{s['name']} ({s['bytes']:,} bytes)" for s in dataset.sources)

    @admin.display(description="Columns: ours ← in the file")
    def columns(self, dataset: Dataset) -> str:
        pairs = [f"{ours} ← {theirs}" for found in dataset.mapping.values() for ours, theirs in found.items()]
        return ", ".join(pairs)

    @admin.display(description="Per column")
    def statistics(self, dataset: Dataset) -> str:
        rows = format_html_join(
            "",
            "<tr><th scope='row'>{}</th><td class='g-number'>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (name, f"{told.get('filled', 0):,}", told.get("minimum", "–"), told.get("maximum", "–"))
                for name, told in dataset.profile.items()
            ),
        )
        head = "<tr><th>Column</th><th class='g-number'>Filled</th><th>Least</th><th>Most</th></tr>"
        return format_html(
            "<div class='g-scroll' tabindex='0' role='region' aria-label='Per column'>"
            "<table class='g-table'><thead>" + head + "</thead><tbody>{}</tbody></table></div>",
            rows,
        )

    @admin.display(description="Reasons")
    def reasons(self, dataset: Dataset) -> str:
        if not dataset.reject_reasons:
            return "No row was rejected."
        lines = format_html_join(
            "", "<li>{} × {}</li>", ((f"{n:,}", reason) for reason, n in dataset.reject_reasons.items())
        )
        url = reverse("admin:programs_dataset_rejects", args=[dataset.pk])
        return format_html(
            "<ul>{}</ul><a class='g-button' href='{}'>Download the rejected rows with their reasons</a>",
            lines,
            url,
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload), name="programs_dataset_upload"),
            path("<int:pk>/rejects/", view(self.rejects), name="programs_dataset_rejects"),
            path("<int:pk>/answer/", view(self.answer_page), name="programs_dataset_answer"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A dataset comes from a file, never from a form."""
        return self.upload(request)

    def answer_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The answer of the load: what was read as what, what changed, what each command has and lacks."""
        dataset = self.get_object(request, str(pk))
        if dataset is None or not self.has_view_permission(request, dataset):
            raise PermissionDenied
        try:
            answer = answer_of_dataset(dataset)
        except NotFound as error:
            tell(request, error)
            return HttpResponseRedirect(reverse("admin:programs_dataset_change", args=[pk]))
        return self.page(
            request,
            "programs/dataset_answer.html",
            f"What was loaded: {self.contents(dataset)}",
            dataset=dataset,
            answer=answer,
            shown=AnswerPage(answer),
            from_set_up=comes_from_set_up(request),
        )

    def rejects(self, request: HttpRequest, pk: int) -> HttpResponse:
        dataset = self.get_object(request, str(pk))
        if dataset is None or not self.has_view_permission(request, dataset):
            raise PermissionDenied
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="rejects-{pk}.csv"'
        if dataset.rejects:
            rows = rejects.export_rejects(snapshot_store().rejects_path(dataset.rejects), response)
            with acting_in_admin(request):
                what = f"rejected rows of {self.contents(dataset)}"
                departures.record(dataset, what, response.content, form="csv", rows=rows)
        return response
