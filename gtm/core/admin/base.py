"""The base of governed objects in the admin: who acts, refusals as messages, history, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets, display
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import DateTimeField, Field, JSONField, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST
from import_export.admin import ExportMixin, ImportMixin
from simple_history.admin import SimpleHistoryAdmin
from simple_history.models import DeletedObject
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.import_export.forms import ExportForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from gtm.core.actors import ADMIN, acting_as, current, name_of
from gtm.core.admin import own_lists
from gtm.core.admin.actions import OfferedActions
from gtm.core.admin.amounts import in_coins
from gtm.core.admin.resources import GovernedResource, resource_of
from gtm.core.admin.table_files import FEWER, MOST_ROWS, TABLE_FORMATS, BoundedImportForm
from gtm.core.admin.words import WordsField
from gtm.core.errors import GtmError, InvalidInput, WaitsForSecondPerson
from gtm.core.evidence import departures, refusals
from gtm.core.evidence.revert import may_be_reverted, revert
from gtm.core.identity.in_session import actor_in
from gtm.core.readable import readable

# In the stubs a form is generic, at run time it is not.
if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm
Overrides = Mapping[type["Field[Any, Any]"], Mapping[str, Any]]  # as Django's admin has it
AS_WORDS: Overrides = {JSONField: {"form_class": WordsField, "widget": UnfoldAdminTextareaWidget}}
READ_ONLY = ("version", "created_at", "updated_at")


@contextmanager
def acting_in_admin(request: HttpRequest, reason: str = "") -> Iterator[None]:
    """Whatever happens inside is the logged-in person's doing, in a session."""
    actor = actor_in(request, ADMIN)
    told: list[str] = []
    try:
        with acting_as(actor, reason), refusals.on_record(told):
            yield
    finally:
        for sentence in told:
            messages.warning(request, sentence)


def tell(request: HttpRequest, error: GtmError) -> None:
    """A refusal as messages: the sentence, each problem, and what to do.

    What waits for a second person is told by the door, when it is written down.
    """
    if isinstance(error, WaitsForSecondPerson):
        return
    messages.error(request, error.detail)
    for problem in error.problems:
        messages.error(request, f"{problem.field.replace('_', ' ')}: {problem.sentence()}")
    if error.hint:
        messages.info(request, error.hint)


class ActingAdmin(ModelAdmin):
    """What is saved here is the doing of the person in the session; a refusal is told, not thrown."""

    formfield_overrides: ClassVar[Overrides] = AS_WORDS

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A time is typed in the site's zone, and says so."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, DateTimeField):
            zone = timezone.get_current_timezone_name()
            field.help_text = f"{field.help_text}. In {zone}".removeprefix(". ")
        return field

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        """A page of our own inside the admin's frame."""
        shared = {**self.admin_site.each_context(request), "title": title}
        return TemplateResponse(request, template, {**shared, **context})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(
            request, lambda: super(ActingAdmin, self).changeform_view(request, *args, **kwargs)
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with acting_in_admin(request):
            return super().changelist_view(request, extra_context)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(request, lambda: super(ActingAdmin, self).delete_view(request, *args, **kwargs))

    def _acting(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            with acting_in_admin(request):
                return view()
        except GtmError as error:
            tell(request, error)
            return HttpResponseRedirect(request.get_full_path())


class ReasonedForm(_ModelForm):
    """The form of a model with guardrails (``reasoned_fields``): who moves one says why."""

    reason = forms.CharField(
        label="Reason of the change",
        required=False,
        initial="",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Required where a guardrail changes; it stands in the change log",
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        moved = sorted(self._meta.model.reasoned_fields & set(self.changed_data))
        if self.instance.pk and moved and not found.get("reason", "").strip():
            names = ", ".join(name.replace("_", " ") for name in moved)
            self.add_error("reason", f"Say why: {names} changes.")
        return found


class ReadOnly:
    """Rows that the engine writes and people only look at, or answer on a page of their own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False


class PlainDiffs(HistoricalRecordContextHelper):
    """Values in words; an empty relation is empty, not a deleted object without a number."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        if isinstance(value, DeletedObject) and value.pk is None:
            return ""
        if isinstance(value, dict | list | bool):
            return readable(value)
        if isinstance(value, datetime):
            return date_format(timezone.localtime(value), "DATETIME_FORMAT")
        return super().prepare_delta_change_value(change, value)


def _by_name(field: Any) -> Callable[[Any], str]:
    """The column of an account shows whose it is."""

    @display(description=field.verbose_name.capitalize(), ordering=field.name)
    def column(row: Any) -> str:
        user = getattr(row, field.name)
        return name_of(user) if user else "–"

    return column


class _ChangeList(ChangeList):
    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return super().get_queryset(*args, **kwargs).defer(*self.model_admin.list_defer)


@contextmanager
def _for_the_reason_of(form: Any) -> Iterator[None]:
    """What the form gives as its reason is the reason of the change."""
    said = form.cleaned_data.get("reason", "") if isinstance(form, ReasonedForm) else ""
    acting = current()
    with acting_as(acting.actor, said.strip() or acting.reason, acting.on_behalf_of):
        yield


class GovernedAdmin(ImportMixin, ExportMixin, SimpleHistoryAdmin, ActingAdmin, OfferedActions):
    """A governed model: saved by the person in the session, with history, import and export.

    ``shortcuts`` are filters that everybody needs, as label and query; everybody saves their own beside them.
    ``list_defer`` names what fills a row and the list does not show.
    """

    formats = TABLE_FORMATS
    import_form_class = BoundedImportForm
    export_form_class = ExportForm
    import_error_display = ("message", "row")
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_before_template = "gtm/_shortcuts.html"
    warn_unsaved_form = True
    show_full_result_count = False
    object_history_template = "gtm/history.html"
    history_list_per_page = 50
    shortcuts: Sequence[tuple[str, str]] = ()
    list_defer: Sequence[str] = ()
    links_for_two: Sequence[str] = ()
    """Fields of many rows that are saved one way and the other, for what is linked may take two people."""
    show_facets = ShowFacets.NEVER  # a number beside every filter is a count of the whole table each

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with _for_the_reason_of(form):
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with _for_the_reason_of(form):
            for name in self.links_for_two:
                self.save_links(form, name)
            super().save_related(request, form, formsets, change)

    def save_links(self, form: Any, name: str) -> None:
        """Links that may take two people: one that waits holds up nothing else of the form."""
        if name not in form.cleaned_data:
            return
        wanted, manager = form.cleaned_data.pop(name), getattr(form.instance, name)
        gone = manager.exclude(pk__in=[one.pk for one in wanted])
        for change, rows in ((manager.remove, gone), (manager.add, wanted)):
            with suppress(WaitsForSecondPerson), transaction.atomic():
                change(*rows)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of an inline one by one: one that waits for a second person holds up none of the others."""
        formset.save(commit=False)
        for gone in formset.deleted_objects:
            with suppress(WaitsForSecondPerson), transaction.atomic():
                gone.delete()
        kept = {"new_objects": [], "changed_objects": [], "deleted_objects": formset.deleted_objects}
        rows = [("new_objects", row, row) for row in formset.new_objects]
        rows += [("changed_objects", told, told[0]) for told in formset.changed_objects]
        for name, told, row in rows:
            with suppress(WaitsForSecondPerson), transaction.atomic():
                row.save()
                kept[name].append(told)
        vars(formset).update(kept)
        if len(kept["new_objects"]) + len(kept["changed_objects"]) == len(rows):
            formset.save_m2m()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if (at := own_lists.opened(request)) is not None:
            return at
        own_lists.without_mark(request)
        return super().changelist_view(request, {"saved": own_lists.shown(request), **(extra_context or {})})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _ChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        accounts = {f.name: f for f in self.model._meta.fields if f.related_model is get_user_model()}
        shown = in_coins(self.model, super().get_list_display(request))
        return [_by_name(accounts[name]) if name in accounts else name for name in shown]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees amounts with the decimals of their currency."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return sets
        return [(name, {**told, "fields": in_coins(self.model, told["fields"])}) for name, told in sets]

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_export_queryset(request).defer(None)

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        """The table as a file; that it left, with whom, is a row of the log. Raises InvalidInput."""
        if queryset.count() > MOST_ROWS:
            raise InvalidInput("This list is too long for one file.", hint=FEWER)
        content = super().get_export_data(file_format, request, queryset, **kwargs)
        what = f"table of {self.model._meta.verbose_name_plural}"
        with acting_in_admin(request):
            form, rows = file_format.get_extension(), queryset.count()
            departures.record(self.model, what, content, form=form, rows=rows)
        return content

    def get_resource_classes(self, request: HttpRequest) -> list[type[GovernedResource]]:
        return [resource_of(self.model)]

    def get_historical_record_context_helper(self, request: HttpRequest, record: Any) -> PlainDiffs:
        return PlainDiffs(self.model, record)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        names = {f.name for f in self.model._meta.get_fields()}
        shown = [
            *super().get_readonly_fields(request, obj),
            *READ_ONLY,
            *(["state"] if "state" in names else []),
        ]
        return tuple(dict.fromkeys(n for n in shown if n in names or hasattr(self, n)))

    def get_urls(self) -> list[Any]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_revert"
        view = self.admin_site.admin_view(require_POST(self.revert))
        return [path("<path:object_id>/history/<int:version>/revert/", view, name=name), *super().get_urls()]

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        if not isinstance(e, GtmError):
            return super().add_data_read_fail_error_to_form(form, e)
        return form.add_error("import_file", " ".join(e.lines()))

    def import_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(
            request, lambda: super(GovernedAdmin, self).import_action(request, *args, **kwargs)
        )

    def process_import(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(
            request, lambda: super(GovernedAdmin, self).process_import(request, *args, **kwargs)
        )

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        obj = self.get_object(request, object_id)
        may = obj is not None and self.has_change_permission(request, obj) and not may_be_reverted(obj)
        name = f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_revert"
        told = {"may_revert": may, "revert_url_name": name}
        return super().history_view(request, object_id, {**(extra_context or {}), **told})

    def revert(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        """Bring back an earlier version, as a change of its own."""
        obj = self.get_object(request, object_id)
        old = self.model.history.filter(pk=version, id=object_id).exclude(history_type="-").first()
        if obj is None or old is None:
            raise Http404("There is no such version.")
        if not self.has_change_permission(request, obj):
            raise PermissionDenied("To bring back a version, you need the permission to change this object.")
        said = request.POST.get("comment", "").strip()
        try:
            with acting_in_admin(request, said):
                changed = revert(obj, old, comment=said)
        except GtmError as error:
            tell(request, error)
        else:
            names = ", ".join(name.replace("_", " ") for name in changed)
            messages.success(request, f"Brought back: {names}." if names else "Nothing differed.")
        opts = self.model._meta
        return HttpResponseRedirect(
            reverse(f"admin:{opts.app_label}_{opts.model_name}_history", args=[object_id])
        )

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at an old version. It is brought back on the history page, with a reason."""
        if request.method == "POST":
            raise PermissionDenied(
                "Here you can only read an old version. Bring it back on the history page."
            )
        return super().history_form_view(request, *args, **kwargs)


class GovernedInline(TabularInline):
    formfield_overrides: ClassVar[Overrides] = AS_WORDS
    extra = 0
    show_change_link = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A field of a table has its label in the table's head, where no screen reader looks for it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = field.label.capitalize()
        return field
