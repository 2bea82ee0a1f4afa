"""Overrides of rotas: from when until when somebody else is on call. Two people make, change and end one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.governed import GovernedModel
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.people import Person
from programs.models.two_people import AskedChange, ChangedByTwo


class RotaOverride(ChangedByTwo, GovernedModel):
    """``person`` is on call by every rota of this name from ``starts_at`` until ``ends_at``.

    The one who takes the turn neither enters it nor agrees to it: nobody puts themselves on call, and so at
    the cases of others. Whoever was to have the turn may agree.
    """

    rota = models.CharField(max_length=60, help_text="The name of a rota, as a ladder has it")
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="rota_overrides", help_text="Who is on call instead"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, help_text="Why, as the second person and the schedule show it")

    checks: ClassVar[list[Callable[[RotaOverride], dict[str, str]]]] = []
    """What ladders have to say about an override: faults by field."""

    class Meta:
        ordering = ["-starts_at", "-pk"]
        verbose_name = "override of a rota"
        verbose_name_plural = "overrides of rotas"
        constraints = [
            models.CheckConstraint(
                name="rota_override_ends_after_it_starts",
                condition=models.Q(ends_at__gt=models.F("starts_at")),
            )
        ]
        indexes = [models.Index(fields=["rota", "ends_at"], name="rota_override_by_rota")]

    def __str__(self) -> str:
        since, until = (at.astimezone(UTC) for at in (self.starts_at, self.ends_at))
        return f"{self.person} on {self.rota} {since:%Y-%m-%d %H:%M} – {until:%Y-%m-%d %H:%M} UTC"

    def clean(self) -> None:
        super().clean()
        if faults := self._faults():
            raise ValidationError(faults)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises InvalidInput for what does not fit, NotPermitted where somebody puts themselves on call."""
        if faults := self._faults():
            problems = [Problem(name, said) for name, said in faults.items()]
            raise InvalidInput("The rota is not overridden.", problems=problems)
        self._refuse_oneself()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """It ends an override: whoever has the turn by the layers gets it back, so it takes two as well."""
        what = f"{self} is taken back"
        asked = two_people.about(
            self, self, GuardedKind.ROTA, what, verb=two_people.DELETE, people={self.person_id}
        )
        two_people.ask(asked)
        return super().delete(*args, **kwargs)

    def change_for_two(self, stored: RotaOverride | None) -> AskedChange | None:
        """Whatever changes who is on call, and when."""
        names = ("rota", "person_id", "starts_at", "ends_at", "reason")
        if stored is not None and all(getattr(self, name) == getattr(stored, name) for name in names):
            return None
        people = {self.person_id, stored.person_id if stored is not None else None}
        return two_people.about(self, stored, GuardedKind.ROTA, f"{self}: {self.reason}", people=people)

    def _refuse_oneself(self) -> None:
        user_id = actors.current().actor.user_id
        if two_people.is_being_made() or user_id is None:
            return
        if self.person.accounts.filter(pk=user_id).exists():
            raise NotPermitted(
                f"{self.person} cannot put themselves on call.",
                hint="Ask somebody else who may change rotas to enter it.",
            )

    def _faults(self) -> dict[str, str]:
        """By field. Overrides of one rota do not overlap: who is on call would depend on which came last."""
        if None in (self.person_id, self.starts_at, self.ends_at):
            return {}
        found: dict[str, str] = {}
        if self.ends_at <= self.starts_at:
            found["ends_at"] = "must be later than the start."
        elif self._state.adding and self.ends_at <= clock.now():
            found["ends_at"] = "is over already."
        if not self.reason.strip():
            found["reason"] = "is required."
        for other in in_force(self.rota, self.starts_at, self.ends_at).exclude(pk=self.pk)[:1]:
            found["starts_at"] = f"{other} overlaps with it; change that one, or take it back first."
        for check in self.checks:
            found |= check(self)
        return found


def in_force(rota: str, start: datetime, end: datetime) -> models.QuerySet[RotaOverride]:
    """The overrides of a rota that hold at some time from ``start`` to before ``end``, the earliest first."""
    rows = RotaOverride.objects.filter(rota=rota, starts_at__lt=end, ends_at__gt=start)
    return rows.select_related("person").order_by("starts_at", "pk")
