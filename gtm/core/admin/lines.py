"""Structured text in forms as people write it, in YAML: names and values a line each, lists with a dash."""

from __future__ import annotations

from typing import Any

import yaml
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from unfold.widgets import UnfoldAdminTextareaWidget


class LinesField(forms.JSONField):
    """A JSON value of texts, lists and names, edited as YAML 1.1; every scalar is a text."""

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value  # what was typed and refused
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=10_000) if value else ""

    def bound_data(self, data: str, initial: Any) -> str:
        return data

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value.strip():
            return self.initial() if callable(self.initial) else self.initial
        try:
            return yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and dicts only
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"line {mark.line + 1}: " if mark else ""
            said = f"{where}{getattr(error, 'problem', error)}. Write “name: value”."
            raise ValidationError(said) from error


AS_LINES = {
    models.JSONField: {
        "form_class": LinesField,
        "widget": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    }
}
"""``formfield_overrides`` of an admin whose JSON fields hold texts alone."""
