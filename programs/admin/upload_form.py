"""The form that loads a file: where it belongs, where it comes from, and the options of every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from programs.admin.pending import LARGEST
from programs.datasets import CONTRACTS, DatasetProblems, Options
from programs.datasets.loading.limits import CHOICES, MEBIBYTE
from programs.datasets.loading.replies import joined
from programs.datasets.loading.said import read_said, value_map_of
from programs.datasets.presets import presets
from programs.load_profiles import known_profiles
from programs.models import LoadProfile, Partner, Program
from programs.previews import FIND
from programs.series import HOW

NOT_THERE = "-"
"""What is chosen where the file has no such column."""
COLUMN, SHOWN, WORD = "map-", "shown-", "word|"


class UploadForm(forms.Form):
    """The first page shows ``where`` of it; the options come from the page that shows the file."""

    where = ("file", "program", "kind", "profile", "partner")

    program = forms.ModelChoiceField(
        Program.objects.all(), widget=UnfoldAdminSelectWidget, help_text="Whose data these are"
    )
    kind = forms.ChoiceField(
        choices=[
            ("", "Find it by its columns"),
            *((kind, contract.title) for kind, contract in CONTRACTS.items()),
        ],
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="What a row is; all kinds are explained below",
    )
    partner = forms.ModelChoiceField(
        Partner.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Leave it empty for our own data",
    )
    series = forms.ChoiceField(choices=[("", "Ask me"), *HOW.items()], required=False)
    profile = forms.ChoiceField(
        required=False,
        label="Where the file comes from",
        widget=UnfoldAdminSelectWidget,
        help_text="The shop or system whose export it is; a load profile knows how to read it",
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget, help_text="CSV (also .gz), XLSX, JSON, Parquet, or a zip of these"
    )
    save_as = forms.SlugField(required=False, max_length=60)

    def __init__(self, *args: Any, kept: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields |= {
            choice.name: forms.CharField(required=False, max_length=choice.longest, label=choice.name)
            for choice in CHOICES
        }
        self.fields["profile"].choices = _profiles()
        if kept:  # the file is here already
            del self.fields["file"]

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > LARGEST:
            raise forms.ValidationError(
                f"The file has {upload.size / MEBIBYTE:,.0f} MiB; a page takes at most "
                f"{LARGEST // MEBIBYTE:,}. Ask operations to load it on the server."
            )
        return upload

    def shown(self) -> list[Any]:
        """The fields of the first page."""
        return [self[name] for name in self.where if name in self.fields]


@dataclass(frozen=True, slots=True)
class LoadWords:
    """What the person said, in the words of every door."""

    program: Program
    partner: Partner | None
    kind: str
    profile: str
    mapping: dict[str, str]
    options: dict[str, str]
    without: tuple[str, ...]

    def given(self) -> dict[str, Any]:
        """The arguments of a load or a preview but its kind and files."""
        return {
            "program": self.program,
            "partner": self.partner,
            "profile": self.profile,
            "mapping": self.mapping,
            "without": self.without,
            **self.options,
        }


def words_of(form: UploadForm, post: Mapping[str, str]) -> LoadWords:
    """What a valid form and the choices beside it say.

    The page shows what a profile says and what was found by name in the same fields as what was said; only
    what the person changed is said. Another kind or profile begins with its own columns.
    """
    told = form.cleaned_data
    kind, profile = told["kind"], told["profile"]
    seen_kind, seen_profile = post.get("seen-kind", kind), post.get("seen-profile", profile)
    is_same = (seen_kind, seen_profile) == (kind, profile)
    if kind != seen_kind and profile == seen_profile:
        profile = FIND  # what reads one kind does not read another
    shown = next(
        (one for one in known_profiles(told["program"], seen_kind) if one.name == seen_profile), None
    )
    of_profile = dict(shown.options) if shown else {}
    effective = {choice.name: told[choice.name] for choice in CHOICES}
    effective |= _answered(effective, post)
    if kind in CONTRACTS:
        effective["value_map"] = _with_words(effective["value_map"], kind, post)
    said = {name: value for name, value in effective.items() if value != of_profile.get(name, "")}
    without = tuple(name for name in of_profile if name in post and not effective[name]) if is_same else ()
    mapping = (_columns(post) if is_same else {}) | _answered_column(post)
    return LoadWords(told["program"], told["partner"], kind, profile, mapping, said, without)


def _columns(post: Mapping[str, str]) -> dict[str, str]:
    """Our column → theirs, "" where the file has none, as far as that is not what the page proposed."""
    return {
        name: "" if theirs == NOT_THERE else theirs
        for key, theirs in post.items()
        if key.startswith(COLUMN)
        and theirs
        and theirs != post.get(f"{SHOWN}{(name := key.removeprefix(COLUMN))}")
    }


def _answered(effective: Mapping[str, str], post: Mapping[str, str]) -> dict[str, str]:
    """The option that a button under a question answers."""
    option, _, value = post.get("reply", "").partition("|")
    return {option: joined(option, effective[option], value)} if option in effective else {}


def _answered_column(post: Mapping[str, str]) -> dict[str, str]:
    """The column that a button under a question chooses."""
    option, _, value = post.get("reply", "").partition("|")
    ours, _, theirs = value.partition("=")
    return {ours: theirs} if option == "mapping" else {}


def _with_words(text: str, kind: str, post: Mapping[str, str]) -> str:
    """The value map with what was chosen for their words."""
    chosen = {key: ours for key, ours in post.items() if key.startswith(WORD) and ours}
    if not chosen:
        return text
    try:
        words = read_said(Options.of({"value_map": text}), CONTRACTS[kind]).words
    except DatasetProblems:
        return text  # the preview says what is wrong with it
    for key, ours in chosen.items():
        _, column, theirs = key.split("|", 2)
        words.setdefault(column, {})[theirs.lower()] = ours
    return value_map_of(words)


def _profiles() -> list[tuple[str, Any]]:
    """The programs' own profiles, then the presets by the kind they are for."""
    own = LoadProfile.objects.filter(is_active=True).order_by("name").values_list("name", "kind")
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, kind in own:
        groups.setdefault("Your own", []).append((name, f"{name} ({CONTRACTS[kind].title.lower()})"))
    for preset in presets().values():
        groups.setdefault(CONTRACTS[preset.kind].title, []).append((preset.name, preset.title))
    return [(FIND, "Find it by its columns"), ("", "None of these"), *groups.items()]
