"""The rota of a rung in a form: its name, and a line of fields for each of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from plans.engine.escalation import rota_texts, rotations

PREFIXES = ("rota", *(f"layer{number}" for number in range(2, rota_texts.MOST_LAYERS + 1)))
"""Of the fields of each layer, the first one first."""
LONGEST_LIST = 4000
_SHORT = {"style": "max-width:10rem"}


@dataclass(frozen=True, slots=True)
class LayerFields:
    title: str
    fields: list[forms.BoundField]


class RotaFields(forms.Form):
    """A layer without people is none; what is wrong with the others the policies say."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        name = forms.CharField(required=False, max_length=rota_texts.LONGEST_NAME, label="Rota")
        name.widget = UnfoldAdminTextInputWidget(attrs={**_SHORT, "maxlength": rota_texts.LONGEST_NAME})
        self.fields["rota_name"] = name
        for prefix in PREFIXES:
            self.fields |= {f"{prefix}_{name}": field for name, field in _of_layer().items()}

    def layers(self) -> list[LayerFields]:
        found = [
            LayerFields(f"Layer {number}", [self[f"{prefix}_{name}"] for name in rota_texts.OF_LAYERS])
            for number, prefix in enumerate(PREFIXES, start=1)
        ]
        return [LayerFields(found[0].title, [self["rota_name"], *found[0].fields]), *found[1:]]

    def rota(self) -> dict[str, Any]:
        """As a ladder stores it: what is empty and need not be there is left out."""
        first, *others = (self._layer(prefix) for prefix in PREFIXES)
        layers = [layer for layer in others if any(layer.values())]
        return {
            "name": self.cleaned_data["rota_name"].strip(),
            **first,
            **({"layers": layers} if layers else {}),
        }

    def _layer(self, prefix: str) -> dict[str, Any]:
        told = {name: self.cleaned_data.get(f"{prefix}_{name}", "").strip() for name in rota_texts.OF_LAYERS}
        people = [one.strip() for one in told.pop("people").split(",")]
        days, hours = told.pop("days"), told.pop("hours")
        return {
            **told,
            "people": [one for one in people if one],
            **({"days": days} if days else {}),
            **({"hours": hours} if hours else {}),
        }


def initial_rota(rota: Mapping[str, Any] | None) -> dict[str, str]:
    """What the fields show of a rota that stands."""
    if rota is None:
        return {}
    found = {"rota_name": rota["name"]}
    for prefix, layer in zip(PREFIXES, [rota, *rota.get("layers", ())], strict=False):
        found |= {f"{prefix}_{name}": layer.get(name, "") for name in rota_texts.OF_LAYERS}
        found[f"{prefix}_people"] = ", ".join(layer["people"])
    return found


def _of_layer() -> dict[str, forms.Field]:
    def text(label: str, example: str, longest: int = 20) -> forms.CharField:
        widget = UnfoldAdminTextInputWidget(
            attrs={"placeholder": example, **(_SHORT if longest < 100 else {})}
        )
        return forms.CharField(required=False, max_length=longest, label=label, widget=widget)

    turns = [("", "–"), *((turn, turn) for turn in rotations.TURNS)]
    return {
        "turn": forms.ChoiceField(
            required=False,
            label="Turn",
            choices=turns,
            widget=UnfoldAdminSelectWidget(attrs={"style": "min-width:8rem"}),
        ),
        "since": text("From", "2026-12-07 09:00"),
        "people": text("E-mail addresses, in turn", "ana@example.com, paul@example.com", LONGEST_LIST),
        "days": text("Weekdays", "every day", 40),
        "hours": text("Hours", "all day"),
    }
