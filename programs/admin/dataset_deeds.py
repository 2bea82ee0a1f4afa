"""What is done with a dataset in the admin: made current, taken back, its choices kept as a profile."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from gtm.core.actors import Actor
from gtm.core.admin.actions import PAGE, ROW, SELECTED, Answers, CommentForm, Deed, Link, Offer, offer
from programs.load_profiles import save_profile
from programs.models import Dataset
from programs.series import make_current, take_back


class ProfileForm(CommentForm):
    name = forms.SlugField(
        max_length=60, widget=UnfoldAdminTextInputWidget, help_text="The source of the file, such as web-shop"
    )


def _may_choose(request: HttpRequest) -> bool:
    return request.user.has_perm("programs.add_dataset")


def _is_current(actor: Actor, dataset: Dataset) -> str:
    return "it is current already." if dataset.is_current else ""


def _is_not_current(actor: Actor, dataset: Dataset) -> str:
    return "" if dataset.is_current else "it is not current."


def _says_nothing(actor: Actor, dataset: Dataset) -> str:
    terms = dataset.answer.get("terms", {})
    return "" if terms.get("mapping") or terms.get("options") else "its load has no choices to save."


def _save_profile(dataset: Dataset, answers: Answers, seen: str) -> str:
    profile = save_profile(dataset, answers["name"], reason=answers["reason"])
    return f"Saved as {profile.name}, version {profile.version}."


def _offers() -> list[Offer]:
    """The deeds on a dataset, and the page with the answer of its load."""
    return [
        Link(
            "answer_of_load",
            "What was loaded",
            lambda request: request.user.has_perm("programs.view_dataset"),
            icon="fact_check",
            slots=frozenset({ROW, PAGE}),
            respond=lambda request, chosen: HttpResponseRedirect(
                reverse("admin:programs_dataset_answer", args=[chosen[0].pk])
            ),
        ),
        Deed(
            "make_current",
            "Make current",
            _may_choose,
            icon="check_circle",
            slots=frozenset({ROW, PAGE, SELECTED}),
            perform=lambda dataset, answers, seen: make_current(dataset, reason=answers["reason"]),
            why_not=_is_current,
            explain="Runs that start from now on read these rows. Plans keep the rows they started with.",
        ),
        Deed(
            "take_back",
            "Take back",
            _may_choose,
            icon="undo",
            slots=frozenset({ROW, PAGE, SELECTED}),
            perform=lambda dataset, answers, seen: take_back(dataset, reason=answers["reason"]),
            why_not=_is_not_current,
            explain=(
                "The dataset that was current before is current again. Plans keep the rows they started with."
            ),
        ),
        Deed(
            "save_profile",
            "Save these choices as a profile",
            lambda request: request.user.has_perms(
                ["programs.add_loadprofile", "programs.change_loadprofile"]
            ),
            icon="bookmark_add",
            slots=frozenset({PAGE}),
            form=ProfileForm,
            perform=_save_profile,
            why_not=_says_nothing,
            explain=(
                "The choices of this load are kept with the program. Later loads can use them by this name."
            ),
        ),
    ]


offer(Dataset, _offers)
