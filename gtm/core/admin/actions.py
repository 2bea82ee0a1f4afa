"""Actions that other apps offer on a model's pages, and panels they add to its form.

Unfold runs an action on GET, without a token. So a ``Link`` opens or downloads and changes nothing, and a
``Deed`` answers GET with a dialog and acts on POST alone. Whoever offers one says who sees it and which
objects it fits; the rules themselves stay with the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.widgets import UnfoldAdminTextareaWidget

from gtm.core import fsm
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GtmError
from gtm.core.evidence import refusals
from gtm.core.identity.in_session import actor_in

LIST, ROW, PAGE, SELECTED = "list", "row", "page", "selected"
MOST = 50  # objects of one action
CHOSEN = "chosen"

Answers = Mapping[str, Any]


class ReasonForm(forms.Form):
    """The dialog of an action that asks for a reason."""

    reason = forms.CharField(max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class CommentForm(forms.Form):
    """The dialog of an action that takes a comment."""

    reason = forms.CharField(
        max_length=2000, required=False, label="Comment", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """What both kinds have. ``fits`` narrows objects to those the action is for."""

    name: str
    title: str
    may: Callable[[HttpRequest], bool]
    icon: str = ""
    slots: frozenset[str] = frozenset({ROW, SELECTED})
    fits: Callable[[QuerySet[Any]], QuerySet[Any]] = field(default=lambda rows: rows)


@dataclass(frozen=True, slots=True)
class Link(Offer):
    """Opens a page or a file. ``respond`` is given the objects, none in the list's own slot."""

    respond: Callable[[HttpRequest, list[Any]], HttpResponse] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Deed(Offer):
    """Changes objects, each on its own. ``why_not`` answers "" where it is possible now.

    ``seen`` is what the person saw of an object; it comes back with the answer. ``shows``: what the dialog
    says of each beside its name.
    """

    perform: Callable[[Any, Answers, str], str] = field(kw_only=True)
    why_not: Callable[[Actor, Any], str] = field(kw_only=True)
    form: type[forms.Form] = field(default=ReasonForm, kw_only=True)
    explain: str = field(default="", kw_only=True)
    seen: Callable[[Any], str] = field(default=lambda obj: "", kw_only=True)
    shows: Callable[[Any], str] = field(default=lambda obj: "", kw_only=True)


@dataclass(frozen=True, slots=True)
class Panel:
    """A part that another app adds above a model's form."""

    template: str
    context: Callable[[HttpRequest, Any], Mapping[str, Any]]


_sources: dict[type[Model], list[Callable[[], Iterable[Offer]]]] = defaultdict(list)
_panels: dict[type[Model], list[Panel]] = defaultdict(list)


def offer(model: type[Model], source: Callable[[], Iterable[Offer]]) -> None:
    """Offer actions on the pages of ``model``. ``source`` is asked when pages are made: what it makes
    them from may be registered after the admin is loaded. One name, one action: the later one stands."""
    _sources[model].append(source)


def add_panel(model: type[Model], template: str, context: Callable[..., Mapping[str, Any]]) -> None:
    _panels[model].append(Panel(template, context))


def offers_of(model: type[Model]) -> dict[str, Offer]:
    return {one.name: one for source in _sources.get(model, ()) for one in source()}


def why_not(*names: str) -> Callable[[Actor, Any], str]:
    """Asks the machine whether one of these transitions is possible now; answers "" or every reason."""

    def ask(actor: Actor, obj: Any) -> str:
        found = [action for action in fsm.actions(obj, actor) if action.name in names]
        if not found:
            return f"it is {obj.get_state_display().lower()}."
        return "" if any(action.allowed for action in found) else " ".join(found[0].reasons)

    return ask


def form_of(model: type[Any], name: str) -> type[forms.Form]:
    """The dialog of a transition: a reason where its machine asks for one, else a comment."""
    return ReasonForm if fsm.machine_of(model).by_name[name].comment_required else CommentForm


class OfferedActions(ModelAdmin):
    """Shows what ``offer`` and ``add_panel`` registered for the model."""

    @property
    def actions_list(self) -> Sequence[Any]:
        return self._menu(LIST)

    @property
    def actions_row(self) -> Sequence[str]:
        return self._names(ROW)

    @property
    def actions_detail(self) -> Sequence[Any]:
        return self._menu(PAGE)

    def get_unfold_action(self, action: str) -> UnfoldAction:
        found = offers_of(self.model).get(action)
        if found is None:
            return super().get_unfold_action(action)
        opts = self.model._meta
        return UnfoldAction(
            action_name=f"{opts.app_label}_{opts.model_name}_{action}",
            method=_View(self, found),
            description=found.title,
            path=action.replace("_", "-"),
            attrs={},
            icon=found.icon,
        )

    def get_actions_list(self, request: HttpRequest) -> list[UnfoldAction]:
        return self._seen(request, super().get_actions_list(request))

    def get_actions_row(self, request: HttpRequest) -> list[UnfoldAction]:
        return self._seen(request, super().get_actions_row(request))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        shown = self._seen(request, super().get_actions_detail(request, object_id))
        if not str(object_id).isdigit():
            return shown
        rows = self.model._default_manager.filter(pk=object_id)
        return [a for a in shown if not isinstance(a.method, _View) or a.method.offer.fits(rows).exists()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        for one in self._of(SELECTED):
            if one.may(request):
                found[one.name] = (_of_selected(one), one.name, one.title)
        return found

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A row's menu has the actions that fit the row: the numbers of those on this page are told."""
        response = super().changelist_view(request, extra_context)
        told = response.context_data if isinstance(response, TemplateResponse) else None
        if told is None or "cl" not in told:
            return response
        shown = [row.pk for row in told["cl"].result_list]
        rows, kept = self.model._default_manager.filter(pk__in=shown), []
        for action in told.get("actions_row", ()):
            name = action["raw_path"].rpartition(":")[2].removeprefix(self._prefix)
            one = offers_of(self.model).get(name)
            if one is not None:
                fitting = sorted(one.fits(rows).values_list("pk", flat=True).distinct())
                if not fitting:
                    continue
                if len(fitting) < len(shown):
                    there = f"{fitting}.includes(Number($el.pathname.split('/').at(-3)))"
                    action = {**action, "attrs": {"x-show": there}}
            kept.append(action)
        told["actions_row"] = kept
        return response

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        obj = self.get_object(request, str(object_id)) if object_id and _panels[self.model] else None
        panels = [(p.template, p.context(request, obj)) for p in _panels[self.model]] if obj else []
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), "panels": panels}
        )

    # ---------------------------------------------------------------- the views

    def answer(self, request: HttpRequest, one: Offer, objects: list[Any]) -> HttpResponse:
        """Open the link, or show the dialog; act on an answered one and tell the outcome of each object."""
        back = self._back(objects)
        if not self.has_view_permission(request) or not one.may(request):
            raise PermissionDenied
        if len(objects) > MOST:
            messages.error(request, f"Choose at most {MOST} at once. You chose {len(objects)}.")
            return HttpResponseRedirect(back)
        if isinstance(one, Link):
            try:
                return one.respond(request, objects)
            except GtmError as error:
                self._tell(request, error, "")
                return HttpResponseRedirect(back)
        assert isinstance(one, Deed), f"{one.name} is neither a link nor a deed: offer one of the two"
        answered = request.method == "POST" and "answered" in request.POST
        form = one.form(request.POST if answered else None)
        if answered and not objects:
            messages.error(request, "Choose at least one for which this is possible.")
            return HttpResponseRedirect(back)
        if answered and form.is_valid():
            for obj in objects:
                self._do(request, one, obj, form.cleaned_data)
            return HttpResponseRedirect(back)
        actor = actor_in(request, ADMIN)
        rows = [(obj, one.why_not(actor, obj), one.seen(obj), one.shows(obj)) for obj in objects]
        context = {
            **self.admin_site.each_context(request),
            "title": one.title,
            "offer": one,
            "form": form,
            "rows": rows,
            "possible": any(not why for _, why, _, _ in rows),
            "back": back,
            "to": reverse(f"admin:{self._prefix}{one.name}_all"),
        }
        return TemplateResponse(request, "gtm/ask.html", context)

    def _do(self, request: HttpRequest, one: Deed, obj: Any, answers: Answers) -> None:
        actor = actor_in(request, ADMIN)
        try:
            with acting_as(actor, answers.get("reason", "")), refusals.on_record():
                said = one.perform(obj, answers, request.POST.get(f"seen-{obj.pk}", ""))
        except GtmError as error:
            self._tell(request, error, f"{obj}: ")
        else:
            messages.success(request, f"{obj}: {said}")

    def _tell(self, request: HttpRequest, error: GtmError, whose: str) -> None:
        messages.error(request, f"{whose}{error.detail}")
        for problem in error.problems:
            messages.error(request, f"{whose}{problem.field.replace('_', ' ')}: {problem.sentence()}")
        if error.hint:
            messages.info(request, error.hint)

    def _back(self, objects: list[Any]) -> str:
        if len(objects) == 1:
            return reverse(f"admin:{self._prefix}change", args=[objects[0].pk])
        return reverse(f"admin:{self._prefix}changelist")

    @property
    def _prefix(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_"

    def _of(self, slot: str) -> list[Offer]:
        return [one for one in offers_of(self.model).values() if slot in one.slots]

    def _names(self, slot: str) -> list[str]:
        return [one.name for one in self._of(slot)]

    def _menu(self, slot: str) -> list[Any]:
        names = self._names(slot)
        return [{"title": "Run", "icon": "play_arrow", "items": names}] if names else []

    def _seen(self, request: HttpRequest, found: list[UnfoldAction]) -> list[UnfoldAction]:
        return [a for a in found if not isinstance(a.method, _View) or a.method.offer.may(request)]

    def get_custom_urls(self) -> tuple[Any, ...]:
        """Where the dialog of several objects is answered."""
        deeds = [one for one in offers_of(self.model).values() if isinstance(one, Deed)]
        return (
            *super().get_custom_urls(),
            *((f"all/{one.name.replace('_', '-')}/", f"{self._prefix}{one.name}_all", _All(self, one))
              for one in deeds),
        )  # fmt: skip


class _View:
    """The view of an action, as Unfold calls it: with an object's number, or for the list without."""

    attrs: Mapping[str, str] = {}
    variant = dialog = None

    def __init__(self, model_admin: OfferedActions, one: Offer):
        self.model_admin, self.offer, self.__name__ = model_admin, one, one.name

    def __call__(self, request: HttpRequest, object_id: str = "") -> HttpResponse:
        if not object_id:
            return self.model_admin.answer(request, self.offer, [])
        obj = self.model_admin.get_object(request, object_id)
        if obj is None:
            raise Http404(f"There is no such {self.model_admin.model._meta.verbose_name}.")
        return self.model_admin.answer(request, self.offer, [obj])


class _All(_View):
    """The dialog of the chosen objects, answered. Nothing is shown here on GET."""

    def __call__(self, request: HttpRequest, object_id: str = "", **from_unfold: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chosen = [int(pk) for pk in request.POST.getlist(CHOSEN) if pk.isdecimal() and len(pk) < 19]
        rows = self.model_admin.get_queryset(request).filter(pk__in=chosen[: MOST + 1])
        return self.model_admin.answer(request, self.offer, list(rows))


def _of_selected(one: Offer) -> Callable[..., HttpResponse]:
    def act(model_admin: OfferedActions, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return model_admin.answer(request, one, list(queryset[: MOST + 1]))

    return act
