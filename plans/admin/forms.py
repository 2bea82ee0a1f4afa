"""The form of a command, made from its declaration; and the small dialogs of people's answers."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from plans.schemas.declaration import Command
from plans.schemas.inputs import Amount, CountOrKind, Day, Input, Text
from programs.models import CLOSED_PROGRAM_STATES, Program


class CommandForm(forms.Form):
    """Fields only; what is right and wrong is the declaration's business, whichever door is used."""

    def __init__(self, command: Command, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.command = command
        programs = Program.objects.filter(kind=command.program_kind).exclude(state__in=CLOSED_PROGRAM_STATES)
        self.fields["program"] = forms.ModelChoiceField(
            programs, widget=UnfoldAdminSelectWidget, to_field_name="slug", help_text="What the run is for"
        )
        for spec in self._asked():
            self.fields[spec.name] = field_of(spec)

    def shown(self) -> list[forms.BoundField]:
        """The fields that must be filled in, or hold something, or are wrong."""
        return [field for field in self if not self._is_left_out(field)]

    def left_out(self) -> list[forms.BoundField]:
        """The others: the run has a value of its own for each, and the page folds them."""
        return [field for field in self if self._is_left_out(field)]

    def _is_left_out(self, field: forms.BoundField) -> bool:
        spec = next((i for i in self._asked() if i.name == field.name), None)
        return not (spec is None or spec.required or field.value() or field.errors)

    def given(self) -> dict[str, Any]:
        """What was typed, empty fields left out."""
        found = {i.name: self.cleaned_data.get(i.name) for i in self._asked()}
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def _asked(self) -> list[Input]:
        """The inputs but the one that names the program: that is chosen from a list."""
        return [i for i in self.command.inputs if i.name != self.command.program_input]


def field_of(spec: Input) -> forms.Field:
    """A form field for an input. Nothing is required here: the declaration tells all problems at once."""
    told = {
        "required": False,
        "label": spec.name.replace("_", " ").replace("-", " ").capitalize(),
        "help_text": _help(spec),
    }
    if isinstance(spec, Text):
        return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), **told)
    if spec.choices and not isinstance(spec, CountOrKind):
        options = [("", "Choose …"), *((c, c.capitalize()) for c in spec.choices)]
        return forms.ChoiceField(choices=options, widget=UnfoldAdminSelectWidget, **told)
    kind = "date" if isinstance(spec, Day) else "text"
    return forms.CharField(widget=UnfoldAdminTextInputWidget(attrs={"type": kind}), **told)


def _help(spec: Input) -> str:
    more = (
        " (required)" if spec.required else f" (default {spec.default})" if spec.default is not None else ""
    )
    if isinstance(spec, CountOrKind):
        more += f". {spec.minimum} to {spec.maximum}, or {', '.join(spec.kinds)}"
    if isinstance(spec, Amount) and spec.periods:
        more += f". Periods: {', '.join(spec.periods)}"
    return spec.help + more


class DecisionForm(forms.Form):
    comment = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Required if you do not approve",
    )
    password = forms.CharField(
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
        help_text="Decisions about money or law need it again",
    )  # fmt: skip
    scope_sha256 = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, ask_password: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not ask_password:
            del self.fields["password"]
