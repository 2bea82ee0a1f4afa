"""The form that loads a file: where it belongs, where it comes from, and the options of every door."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from programs.datasets import CONTRACTS
from programs.datasets.loading.limits import CHOICES, LoadOption
from programs.datasets.presets import presets
from programs.models import LoadProfile, Partner, Program
from programs.series import HOW


class UploadForm(forms.Form):
    program = forms.ModelChoiceField(Program.objects.all(), widget=UnfoldAdminSelectWidget)
    kind = forms.ChoiceField(
        choices=[(kind, contract.title) for kind, contract in CONTRACTS.items()],
        widget=UnfoldAdminSelectWidget,
    )
    partner = forms.ModelChoiceField(
        Partner.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Leave it empty for our own data",
    )
    series = forms.ChoiceField(
        choices=[("", "Ask me"), *HOW.items()],
        required=False,
        label="If data of this kind are current already",
        widget=UnfoldAdminSelectWidget,
        help_text="Add a monthly file. Replace the current data with a corrected or complete file",
    )
    profile = forms.ChoiceField(
        required=False,
        label="Where the file comes from",
        widget=UnfoldAdminSelectWidget,
        help_text="A load profile says which column is which and how the file is written",
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget, help_text="CSV (also .gz), XLSX, JSON, Parquet, or a zip of these"
    )
    mapping = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Columns that the loader does not find by name: amount=order_total, member_id=customer",
    )

    def __init__(self, *args: Any, kept: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields |= {choice.name: _field_of(choice) for choice in CHOICES}
        self.fields["profile"].choices = _profiles()
        if kept:  # the file is here already
            del self.fields["file"]

    def clean_mapping(self) -> dict[str, str]:
        pairs = [p.strip() for p in self.cleaned_data["mapping"].split(",") if p.strip()]
        if bad := [p for p in pairs if "=" not in p]:
            raise forms.ValidationError(f"Write ours=theirs: {', '.join(bad)}")
        return {ours.strip(): theirs.strip() for ours, theirs in (p.split("=", 1) for p in pairs)}


def _field_of(choice: LoadOption) -> forms.Field:
    if choice.allowed:
        choices = [("", "Find it in the file"), *((value, value) for value in choice.allowed)]
        return forms.ChoiceField(
            choices=choices, required=False, widget=UnfoldAdminSelectWidget, help_text=choice.help
        )
    said = f"{choice.help}: {choice.example}" if choice.example else choice.help
    return forms.CharField(
        required=False, max_length=choice.longest, widget=UnfoldAdminTextInputWidget, help_text=said
    )


def _profiles() -> list[tuple[str, Any]]:
    """The programs' own profiles, then the presets by the kind they are for."""
    own = LoadProfile.objects.filter(is_active=True).order_by("name").values_list("name", "kind")
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, kind in own:
        groups.setdefault("Your own", []).append((name, f"{name} ({CONTRACTS[kind].title.lower()})"))
    for preset in presets().values():
        groups.setdefault(CONTRACTS[preset.kind].title, []).append((preset.name, preset.title))
    return [("", "Another source"), *groups.items()]
