"""What a person settled once about an export: kept with the program and named by later loads."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core.governed import GovernedModel
from programs.datasets import CONTRACTS, DatasetProblems, Options
from programs.datasets.loading.limits import CHOICES
from programs.datasets.loading.said import read_said


class LoadProfile(GovernedModel):
    """How the exports of one source are read: columns and options of a load, by the names all doors use.

    ``version`` counts its changes; a load says which version it used.
    """

    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="load_profiles")
    name = models.SlugField(
        max_length=60, help_text=("The source, such as web-shop. Loads use the profile by this name")
    )
    kind = models.CharField(
        max_length=40, choices=[(kind, contract.title) for kind, contract in CONTRACTS.items()]
    )
    mapping = models.JSONField(
        default=dict,
        blank=True,
        help_text=("Our column and the column of the file, one pair per line: “amount: Order total”"),
    )
    options = models.JSONField(
        default=dict, blank=True, help_text="Options of a load, one per line: “time_zone: Europe/Berlin”"
    )
    is_active = models.BooleanField(default=True, help_text="Whether loads may still use it")

    class Meta:
        ordering = ["program", "name"]
        constraints = [models.UniqueConstraint(fields=["program", "name"], name="load_profile_one_per_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.program}"

    def clean(self) -> None:
        wrong = {
            name: found
            for name, found in (("mapping", self._mapping_faults()), ("options", self._option_faults()))
            if found
        }
        if wrong:
            raise ValidationError(wrong)

    def _mapping_faults(self) -> list[str]:
        contract = CONTRACTS.get(self.kind)
        if not _is_text_by_name(self.mapping):
            return ["Give our column and the column of the file, one pair per line."]
        unknown = self.mapping.keys() - (contract.by_name.keys() if contract else set())
        return [f"{self.kind} have no column “{name}”." for name in sorted(unknown)]

    def _option_faults(self) -> list[str]:
        if not _is_text_by_name(self.options):
            return ["Give an option and its value as text, one per line."]
        known = {choice.name: choice for choice in CHOICES}
        if unknown := sorted(self.options.keys() - known.keys()):
            return [f"There is no option “{name}”; there are {', '.join(known)}." for name in unknown]
        if long := [name for name, value in self.options.items() if len(value) > known[name].longest]:
            return [f"{name} is longer than {known[name].longest:,} characters." for name in long]
        if self.kind not in CONTRACTS:
            return []
        try:
            read_said(Options(**self.options), CONTRACTS[self.kind])
        except DatasetProblems as error:
            return [f"{problem.field}: {problem.sentence()}" for problem in error.problems]
        return []


def _is_text_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
