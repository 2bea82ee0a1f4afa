"""What a rip-cord is pulled on, as the command line names it: a plan, a program, or the installation."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, NotFound, Problem
from plans.models import RipcordPull
from plans.selectors import plan_by_id
from programs.models import Program


class StopCommand(GovernedCommand):
    """Base of ripcord, resume and abort."""

    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan", nargs="?", help="the plan, or nothing and one of the options")
        parser.add_argument("--program", help="a program and all its plans, by its slug")
        parser.add_argument("--installation", action="store_true", help="everything")

    def scope(self, options: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of plan, program, installation, as the engine takes it, else InvalidInput, NotFound."""
        plan_id, slug = options["plan"], options["program"]
        if sum(map(bool, (plan_id, slug, options["installation"]))) != 1:
            problem = Problem(
                "plan", "name a plan, or use --program SLUG or --installation.", code="required"
            )
            raise InvalidInput("Name exactly one thing.", problems=[problem])
        if slug:
            return {"scope": "program", "program": _program(slug)}
        return {"scope": "plan", "plan": plan_by_id(plan_id)} if plan_id else {"scope": "installation"}

    def tell(self, row: RipcordPull, still: str) -> None:
        """What came of it; ``still`` says what is missing while the cord is pulled."""
        what = row.plan
        if what is not None:
            what.refresh_from_db()
        said = f"{what or f'The {row}'} is {(what or row).get_state_display().lower()}."
        self.stdout.write(said + (still if row.state == "pulled" else ""))


def _program(slug: str) -> Program:
    found = Program.objects.filter(slug=slug).first()
    if found is None:
        known = tuple(Program.objects.order_by("slug").values_list("slug", flat=True))
        problem = Problem("--program", f"“{slug}” is unknown.", known)
        raise NotFound("There is no such program.", problems=[problem])
    return found
