"""What an approved plan has published: changed by a plan, or by two people, and then marked as departed."""

from __future__ import annotations

from typing import Any

from django.db import models

from gtm.core.governed import GovernedModel
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.two_people import AskedChange, ChangedByTwo


class PublishedModel(ChangedByTwo, GovernedModel):
    """A row that plans publish. Each model says by which plan it, or what it joins, was published."""

    departs = models.BooleanField(
        "departs from its plan", default=False, editable=False,
        help_text="Two people changed it since a plan published it",
    )  # fmt: skip

    class Meta:
        abstract = True

    def published_by(self) -> str:
        """The id of the plan; empty where no plan has published anything here."""
        raise NotImplementedError

    def program_pk(self) -> int:
        raise NotImplementedError

    def change_for_two(self, stored: Any) -> AskedChange | None:
        columns = self.evidence_columns()
        if stored is not None and all(getattr(self, name) == getattr(stored, name) for name in columns):
            return None
        plan_id = (stored or self).published_by()
        if not plan_id:
            return None
        verb = "is added beside" if stored is None else "departs from"
        what = f"{self._meta.verbose_name.capitalize()} {self} {verb} what {plan_id} published"
        return two_people.about(self, stored, GuardedKind.PUBLISHED, what, programs={self.program_pk()})

    def when_made_by_two(self) -> None:
        self.departs = True

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        if plan_id := self.published_by():
            what = f"{self._meta.verbose_name.capitalize()} {self}, which {plan_id} published, is deleted"
            two_people.ask(
                two_people.about(
                    self,
                    self,
                    GuardedKind.PUBLISHED,
                    what,
                    verb=two_people.DELETE,
                    programs={self.program_pk()},
                )  # fmt: skip
            )
        return super().delete(*args, **kwargs)
