"""The pages on which a file becomes data: choose, look, correct, compare, load. Nothing is stored before."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gtm.core.admin import acting_in_admin, tell
from gtm.core.errors import GtmError
from programs.admin import pending
from programs.admin.upload_form import LoadWords, UploadForm, words_of
from programs.admin.workbench import Workbench
from programs.datasets import CONTRACTS, Source
from programs.load_profiles import save_profile
from programs.models import Dataset
from programs.previews import FIND, preview_dataset
from programs.services import load_dataset

WAITING, FROM, SET_UP = "waiting", "from", "set-up"
"""In addresses: our name of a file that waits, and where the way goes back to."""


class UploadPages:
    """Part of the dataset admin."""

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Choose a file, look at it, correct how it is read, load it. Loading at once is possible too."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        token = request.POST.get("token", "")
        if request.method == "GET" and (name := request.GET.get(WAITING)):
            token = pending.token_of(request.user, name)
            if not token:
                messages.error(request, "The file is not kept any more. Choose it again.")
        if token and (number := pending.loaded_as(request.user, token)):
            return _to_answer(request, number)
        kept = pending.find(request.user, token) if token else None
        if kept is not None and request.POST.get("step") == "drop":
            return _dropped(request, kept)
        wanted = {name: request.GET[name] for name in ("program", "kind") if name in request.GET}
        form = UploadForm(
            request.POST or None,
            request.FILES or None,
            kept=kept is not None,
            initial=wanted | {"profile": FIND},
        )
        preview, words = None, None
        if token and kept is None:
            if pending.is_taken(request.user, token):
                messages.error(request, "The file is being loaded. Look at the datasets in a moment.")
            else:
                messages.error(request, "The file is not kept any more. Choose it again.")
        elif request.method == "POST" and form.is_valid():
            if kept is None:
                token = pending.keep(request.user, form.cleaned_data["file"])
                kept = pending.find(request.user, token)
            words = words_of(form, request.POST)
            is_load = request.POST.get("step", "load") == "load" and "reply" not in request.POST
            if is_load and (dataset := self._load(request, form, words, kept)):
                return _to_answer(request, dataset.pk)
            preview = self._preview(form, words, kept)
        if preview is None or words is None or kept is None:
            return self.page(
                request,
                "programs/dataset_upload.html",
                "Load data",
                form=form,
                contracts=CONTRACTS,
                token=token,
                kept=kept,
            )
        bench = Workbench(preview, words.program)
        return self.page(
            request,
            "programs/dataset_workbench.html",
            f"Load data: {kept.name}",
            form=form,
            preview=preview,
            bench=bench,
            words=words,
            token=token,
            may_save=_may_save(request),
            from_set_up=comes_from_set_up(request),
        )

    def _preview(self, form: UploadForm, words: LoadWords, kept: Source) -> dict[str, Any] | None:
        try:
            return preview_dataset(words.kind, [kept], **words.given())
        except GtmError as error:
            if not form.errors:
                _blame(form, error)
            return None

    def _load(self, request: HttpRequest, form: UploadForm, words: LoadWords, kept: Source) -> Dataset | None:
        given, kind = words.given(), words.kind
        name = form.cleaned_data["save_as"] if _may_save(request) else ""
        try:
            if not kind or words.profile == FIND:
                found = preview_dataset(kind, [kept], **given)
                kind, given["profile"] = found["kind"], found["terms"]["profile"]
            with pending.taken(kept) as file, acting_in_admin(request, "Uploaded in the admin"):
                series = form.cleaned_data["series"]
                dataset, result = load_dataset(kind, [file], series=series, **given)
                pending.forget(file, dataset.pk)
        except GtmError as error:
            _blame(form, error)
            return None
        messages.success(
            request,
            f"{result.input_rows:,} rows read: {result.snapshot.rows:,} accepted, "
            f"{result.rejected_rows:,} rejected, "
            f"{result.duplicate_rows:,} duplicates.",
        )
        if name:
            _save_profile(request, dataset, name)
        return dataset


def _save_profile(request: HttpRequest, dataset: Dataset, name: str) -> None:
    """The data are loaded, whatever becomes of the profile."""
    try:
        with acting_in_admin(request, "Kept with a load in the admin"):
            profile = save_profile(dataset, name)
    except GtmError as error:
        tell(request, error)
    else:
        messages.success(request, f"Your choices are kept as {profile.name}, version {profile.version}.")


def _may_save(request: HttpRequest) -> bool:
    return request.user.has_perms(["programs.add_loadprofile", "programs.change_loadprofile"])


def _to_answer(request: HttpRequest, number: int) -> HttpResponse:
    """The page that says what was loaded; it remembers whether a set-up led here."""
    back = f"?{urlencode({FROM: SET_UP})}" if comes_from_set_up(request) else ""
    return HttpResponseRedirect(f"{reverse('admin:programs_dataset_answer', args=[number])}{back}")


def comes_from_set_up(request: HttpRequest) -> bool:
    """Whether the page was opened in the set-up of a program, which goes on afterwards."""
    return request.GET.get(FROM) == SET_UP


def _dropped(request: HttpRequest, kept: Source) -> HttpResponse:
    try:
        pending.drop(kept)
    except GtmError as error:
        tell(request, error)
    else:
        messages.success(request, f"{kept.label} is removed. Nothing of it was stored.")
    return HttpResponseRedirect(reverse("admin:programs_dataset_upload"))


def _blame(form: UploadForm, error: GtmError) -> None:
    """Each problem at its field where the form has it, else above."""
    if not error.problems:
        form.add_error(None, error.detail)
    for problem in error.problems:
        if problem.field in form.fields:
            form.add_error(problem.field, problem.sentence())
        else:
            form.add_error(None, f"{problem.field}: {problem.sentence()}")
    if error.hint:
        form.add_error(None, error.hint)
