"""The base of governed objects in the admin: who acts, refusals as messages, history, export."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from import_export.admin import ExportMixin, ImportMixin
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GtmError

READ_ONLY = ("version", "created_at", "updated_at")


@contextmanager
def acting_in_admin(request: HttpRequest, reason: str = "") -> Iterator[None]:
    """Whatever happens inside is the logged-in person's doing, in a session."""
    actor = Actor.of_user(request.user, ADMIN, interactive=True, request_id=uuid.uuid4().hex)
    with acting_as(actor, reason):
        yield


def tell(request: HttpRequest, error: GtmError) -> None:
    """A refusal as messages: the sentence, each problem, and what to do."""
    messages.error(request, error.detail)
    for problem in error.problems:
        messages.error(request, f"{problem.field.replace('_', ' ')}: {problem.sentence()}")
    if error.hint:
        messages.info(request, error.hint)


class ActingAdmin(ModelAdmin):
    """What is saved here is the doing of the person in the session; a refusal is told, not thrown."""

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


class GovernedAdmin(ImportMixin, ExportMixin, SimpleHistoryAdmin, ActingAdmin):
    """A governed model: saved by the person in the session, with history, import and export."""

    import_form_class = ImportForm
    export_form_class = ExportForm
    list_filter_submit = True
    list_fullwidth = True
    warn_unsaved_form = True
    history_list_display = ["history_change_reason"]
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        names = {f.name for f in self.model._meta.get_fields()}
        shown = [
            *super().get_readonly_fields(request, obj),
            *READ_ONLY,
            *(["state"] if "state" in names else []),
        ]
        return tuple(dict.fromkeys(n for n in shown if n in names or hasattr(self, n)))

    def import_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(
            request, lambda: super(GovernedAdmin, self).import_action(request, *args, **kwargs)
        )

    def process_import(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._acting(
            request, lambda: super(GovernedAdmin, self).process_import(request, *args, **kwargs)
        )

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at an old version. It is not brought back here: a state is the state machine's business."""
        if request.method == "POST":
            raise PermissionDenied("An old version is looked at, not brought back: make the change again.")
        return super().history_form_view(request, *args, **kwargs)


class GovernedInline(TabularInline):
    extra = 0
    show_change_link = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A field of a table has its label in the table's head, where no screen reader looks for it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = field.label.capitalize()
        return field
