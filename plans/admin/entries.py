"""What waits for the person who looks, as one list: whatever its kind, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import name_of
from gtm.core.places.times import time_in_words
from plans.engine.gates import rounds
from plans.engine.people.inbox import TOGETHER, Inbox
from plans.models import Approval, DecisionKind, Plan
from plans.runs.on_call import RotaGap
from plans.selectors import answers_of
from programs.admin.uploads import WAITING

LAST = datetime.max.replace(tzinfo=UTC)
ASKED_FOR = DecisionKind.REQUEST_CHANGES
DECISION, TASK, ESCALATION = "Decision", "Task", "Escalation"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that waits, with where it is done.

    ``due_at`` is its time limit; what has none comes after what has. ``is_stop`` comes before all. ``said``
    are sentences of people. ``answer`` is that of its plan; ``amount`` is money a year. ``approval`` is a
    round that may be decided together with others. ``about`` is what cases of one kind have in common;
    ``count`` is how many things a line stands for. ``is_said_above``: an entry above has the same plan's
    answer.
    """

    kind: str
    title: str
    url: str
    action: str = "Open"
    action_url: str = ""
    detail: str = ""
    said: tuple[str, ...] = ()
    plan: Plan | None = None
    due_at: datetime | None = None
    since: datetime | None = None
    is_stop: bool = False
    amount: Any = None
    currency: str = ""
    round: int = 1
    approval: Approval | None = None
    answer: Mapping[str, Any] | None = None
    is_late: bool = False
    is_said_above: bool = False
    about: str = ""
    count: int = 1

    @property
    def program(self) -> Any:
        return self.plan.program if self.plan is not None else None

    @property
    def urgency(self) -> tuple[Any, ...]:
        return not self.is_stop, self.due_at or LAST, self.since or LAST, self.title


def entries_of(found: Inbox, user: Any, gaps: Iterable[RotaGap] = ()) -> list[Entry]:
    """Everything in the inbox and ``gaps`` of rotas, the most urgent first; a fixed number of queries."""
    entries = [*_of_rounds(found), *_of_work(found), *_of_seconds(found), *_of_stops(found, user)]
    entries += [*_of_questions(found), *_of_gaps(gaps), *_of_files(found)]
    entries += [
        Entry(of_kind.title, case.title, reverse(case.page, args=[case.obj.pk]), detail=case.detail,
              since=getattr(case.obj, "created_at", None), about=case.about)
        for of_kind in found.cases
        for case in of_kind.rows
    ]  # fmt: skip
    answers, now = answers_of(entry.plan for entry in entries if entry.plan is not None), clock.now()
    told = (
        replace(
            entry,
            answer=answers.get(entry.plan.pk) if entry.plan is not None else None,
            is_late=entry.due_at is not None and entry.due_at < now,
        )
        for entry in entries
    )
    return sorted(told, key=lambda entry: entry.urgency)


def lines_of(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Entries with many cases of one kind about one thing as one line, where the most urgent of them stood.

    ``most`` is how many of a kind are asked for: where as many are there, there may be more.
    """
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.about:
            groups.setdefault((entry.kind, entry.about), []).append(entry)
    found = []
    for entry in entries:
        group = groups.get((entry.kind, entry.about), [])
        if len(group) < TOGETHER:
            found.append(entry)
        elif entry is group[0]:
            found.append(_together(entry, len(group), most))
    return found


def _together(first: Entry, count: int, most: int) -> Entry:
    at = f"{reverse('admin:plans_inbox')}?{urlencode({'kind': first.kind, 'about': first.about})}"
    number = f"{count} or more" if count >= most else str(count)
    title = f"{number} {first.kind[:1].lower()}{first.kind[1:]}: {first.about}"
    return replace(first, title=title, url=at, detail=f"First: {first.title} · {first.detail}", count=count)


def said_once(entries: Iterable[Entry]) -> list[Entry]:
    """The entries of one list, the answer of each plan told at the first of its entries alone."""
    told: set[int] = set()
    found = []
    for entry in entries:
        key = entry.plan.pk if entry.plan is not None and entry.answer else None
        found.append(replace(entry, is_said_above=True) if key in told else entry)
        told |= {key} if key is not None else set()
    return found


def kinds_of(entries: Iterable[Entry]) -> dict[str, int]:
    """Kind → how many, in the order in which they first stand."""
    found: dict[str, int] = {}
    for entry in entries:
        found[entry.kind] = found.get(entry.kind, 0) + entry.count
    return found


def _of_rounds(found: Inbox) -> Iterator[Entry]:
    for approval in found.approvals:
        at = _page("approval", approval)
        yield Entry(
            DECISION, approval.title, at, "Decide", at, plan=approval.plan, due_at=approval.due_at,
            since=approval.opened_at, amount=approval.amount, currency=approval.currency,
            round=approval.round,
            approval=approval if rounds.allows_bulk(approval) else None,
        )  # fmt: skip


def _of_work(found: Inbox) -> Iterator[Entry]:
    for task in found.tasks:
        detail = f"in place of {task.covers_for}" if task.covers_for else ""
        yield Entry(TASK, str(task), _page("task", task), "Do", detail=detail, plan=task.plan,
                    due_at=task.due_at, since=task.created_at, **_money(task.plan))  # fmt: skip
    for case in found.escalations:
        yield Entry(ESCALATION, case.subject, _page("escalation", case), "Answer",
                    detail=f"rung {case.rung}", plan=case.plan, due_at=case.due_at, since=case.created_at,
                    **_money(case.plan))  # fmt: skip


def _of_questions(found: Inbox) -> Iterator[Entry]:
    for one in found.questions:
        said = f"{one.by}: “{one.text}”"
        yield Entry("Question", "Question about your plan", f"{_page('plan', one.plan)}#thread", "Answer",
                    said=(said,), plan=one.plan, since=datetime.fromisoformat(one.at))  # fmt: skip


def _of_gaps(gaps: Iterable[RotaGap]) -> Iterator[Entry]:
    for gap in gaps:
        times = "once" if gap.count == 1 else f"{gap.count} times"
        yield Entry("Nobody is on call", gap.rota, reverse("admin:plans_rotas"), "Fill", due_at=gap.starts_at,
                    detail=f"{times} in the next week, first from then on")  # fmt: skip


def _of_files(found: Inbox) -> Iterator[Entry]:
    for row in found.files:
        page = f"{reverse('admin:programs_dataset_upload')}?{urlencode({WAITING: row.name})}"
        title, detail = (
            f"{row.called or 'A file'} is not loaded yet",
            f"kept until {time_in_words(row.kept_until)}",
        )
        yield Entry("File", title, page, "Go on", page, detail=detail, since=row.kept_at)


def _of_seconds(found: Inbox) -> Iterator[Entry]:
    """What takes a second person."""
    for use in found.break_glass:
        yield Entry("Break-glass: a second person is asked", use.approval.title, _page("breakglass", use),
                    said=(f"{use.asked_by}: “{use.reason}”",), plan=use.approval.plan, due_at=use.expires_at,
                    since=use.created_at, **_money(use.approval.plan))  # fmt: skip
    for use in found.reviews:
        yield Entry("Break-glass: review", str(use), _page("breakglass", use), "Review",
                    detail=f"by {use.asked_by} and {use.agreed_by}", plan=use.approval.plan,
                    due_at=use.review_due_at, since=use.created_at, **_money(use.approval.plan))  # fmt: skip
    for row in found.policies:
        yield Entry("Proposed policy", str(row), _page("policyversion", row),
                    said=(f"{name_of(row.proposed_by)}: “{row.reason}”",), since=row.created_at)  # fmt: skip
    for change in found.changes:
        said = f"{change.requested_label}: “{change.reason}”" if change.reason else change.requested_label
        at = reverse("admin:programs_guardedchange_change", args=[change.pk])
        yield Entry("A second person is asked", str(change), at, detail=change.get_state_display().lower(),
                    said=(said,), since=change.created_at)  # fmt: skip


def _of_stops(found: Inbox, user: Any) -> Iterator[Entry]:
    for approval in found.sent_back:
        page = _page("plan", approval.plan)
        may = user.has_perm("plans.operate_plan")
        revise = reverse("admin:plans_plan_revise", args=[approval.plan_id]) if may else ""
        asked = (v for v in approval.decisions.all() if v.kind == ASKED_FOR and v.superseded_at is None)
        said = tuple(f"{vote.person}: “{vote.comment}”" for vote in asked)
        yield Entry("Changes asked for", approval.title, page, "Revise" if may else "Open", revise,
                    said=said, plan=approval.plan, since=approval.decided_at,
                    **_money(approval.plan))  # fmt: skip
    for pull in found.stopped:
        left = "one more person must agree" if pull.released_by else "two people must agree"
        by = name_of(pull.pulled_by) if pull.pulled_by else "the engine"
        yield Entry("Stopped", str(pull), _page("ripcordpull", pull), "Release", detail=left,
                    said=(f"{by}: “{pull.reason}”",), plan=pull.plan, since=pull.created_at,
                    is_stop=True)  # fmt: skip


def _page(model: str, obj: Any) -> str:
    return reverse(f"admin:plans_{model}_change", args=[obj.pk])


def _money(plan: Plan) -> dict[str, Any]:
    return {"amount": plan.amount, "currency": plan.currency}
