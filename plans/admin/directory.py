"""The directory of approvers: who holds which role, how far it reaches, who is away, who acts for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plans.engine.people.directory import Directory
from programs.models import Absence, Approver, Delegation, Role


@dataclass(frozen=True, slots=True)
class ApproverEntry:
    """An approver as the directory shows one."""

    approver: Approver
    in_force: bool
    absences: Sequence[Absence]
    delegations: Sequence[Delegation]

    @property
    def authority(self) -> str:
        """How far it reaches, in words."""
        row = self.approver
        amount = (
            f"up to {row.limit_amount:,.0f} {row.limit_currency} a year"
            if row.limit_amount is not None
            else ""
        )
        kinds = f"{', '.join(row.program_kinds)} programs" if row.program_kinds else ""
        regions = f"in {', '.join(row.regions)}" if row.regions else ""
        return ", ".join(part for part in (amount, kinds, regions) if part) or "without limit"


@dataclass(slots=True)
class Office:
    """A role and those who hold it. ``nobody`` says that nobody could be asked now."""

    role: Role
    seats: list[ApproverEntry] = field(default_factory=list)

    @property
    def nobody(self) -> bool:
        return not any(
            seat.in_force and (not seat.absences or any(a.substitute_id for a in seat.absences))
            for seat in self.seats
        )


def offices() -> tuple[datetime, list[Office]]:
    """Every role with its holders as of now; six queries however many there are."""
    directory = Directory.today()
    found = {role.pk: Office(role) for role in Role.objects.order_by("name")}
    for approver in directory.approvers:
        key = (approver.person_id, approver.role_id)
        held = [d for d in directory.delegations if (d.principal_id, d.role_id) == key]
        away = directory.absences.get(approver.person_id, ())
        seat = ApproverEntry(approver, approver.is_valid_at(directory.now), away, held)
        found[approver.role_id].seats.append(seat)
    return directory.now, list(found.values())


def context() -> dict[str, Any]:
    now, rows = offices()
    return {"now": now, "offices": rows, "empty": [o.role.name for o in rows if o.nobody]}
