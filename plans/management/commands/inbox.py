"""``manage.py inbox --as USER``: what waits for me."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from gtm.core.actors import current
from gtm.core.cli import GovernedCommand
from gtm.core.places.times import time_in_words
from plans.case_kinds import WaitingCase
from plans.engine.people import inbox
from plans.runs import on_call
from plans.selectors import changes_asked
from programs.own_time import zone_of


class Command(GovernedCommand):
    help = "What waits for a person: approvals, tasks, escalations, break-glass, reviews, policies, cases"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--each", action="store_true", help="each case on a line of its own")

    def act(self, **options: Any) -> None:
        with timezone.override(zone_of(current().actor.user)):
            self.tell(options["each"])

    @staticmethod
    def _line(of_kind: inbox.CasesOfKind, rows: Sequence[WaitingCase], most: int) -> str:
        """One case, or how many about one thing with the most urgent of them."""
        first = rows[0]
        if len(rows) == 1:
            return f"{first.called or of_kind.name} {first.obj.pk}  {first.title}: {first.detail}"
        number = f"{len(rows)} or more" if len(rows) >= most else str(len(rows))
        return (
            f"{of_kind.title}  {number} of {first.about}; first {first.called or of_kind.name} "
            f"{first.obj.pk}  {first.title}: {first.detail} (--each names all)"
        )

    def tell(self, each: bool) -> None:
        """Everything, with times where the person is."""
        waiting = inbox.waiting_for(current().actor.user)
        for approval in waiting.approvals:
            due = f", due {time_in_words(approval.due_at)}" if approval.due_at else ""
            self.stdout.write(f"approval {approval.pk}  {approval.plan.plan_id}  {approval.title}{due}")
        for task in waiting.tasks:
            self.stdout.write(f"task {task.pk}  {task.plan.plan_id}  {task}")
        for case in waiting.escalations:
            self.stdout.write(f"escalation {case.pk}  {case.plan.plan_id}  {case.subject}")
        for use in waiting.break_glass:
            ends = time_in_words(use.expires_at)
            self.stdout.write(f"break-glass {use.pk}  {use.approval.plan.plan_id}  {use}, ends {ends}")
        for use in waiting.reviews:
            plan_id = use.approval.plan.plan_id
            due = time_in_words(use.review_due_at)
            self.stdout.write(f"review {use.pk}  {plan_id}  {use}, due {due}")
        for row in waiting.policies:
            self.stdout.write(f"policy {row.pk}  {row}, proposed: {row.reason}")
        for change in waiting.changes:
            said = f"{change.get_state_display().lower()} by {change.requested_label}"
            self.stdout.write(f"change {change.pk}  {change}, {said}")
        for approval in waiting.sent_back:
            said = "; ".join(f"{vote.person}: {vote.comment}" for vote in changes_asked(approval))
            self.stdout.write(f"changes {approval.pk}  {approval.plan.plan_id}  {approval.title}: {said}")
        for pull in waiting.stopped:
            self.stdout.write(f"rip-cord {pull.pk}  {pull}: {pull.reason}")
        for question in waiting.questions:
            self.stdout.write(f"question  {question.plan.plan_id}  {question.by}: {question.text}")
        for row in waiting.files:
            until = time_in_words(row.kept_until)
            self.stdout.write(f"file  {row.called or 'a file'}: not loaded yet, kept until {until}")
        for gap in (gaps := on_call.gaps_ahead(current().actor.user)):
            from_ = time_in_words(gap.starts_at)
            self.stdout.write(f"nobody on call  {gap.rota}: {gap.count} in the next week, first from {from_}")
        for of_kind in waiting.cases:
            for rows in [[row] for row in of_kind.rows] if each else inbox.together(of_kind.rows):
                self.stdout.write(self._line(of_kind, rows, waiting.most))
        if waiting.is_full:
            self.stdout.write(
                f"Each list shows its {waiting.most} most urgent items. When these are done, more appear."
            )
        if not waiting and not gaps:
            self.stdout.write("Nothing waits for you.")
