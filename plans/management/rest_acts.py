"""Who may do each act of REST, beyond the door of its view: the permission, or who somebody is to the object.

What the engine refuses is declared here a second time, in words of the matrix; its test compares both with
real requests. ``rest_matrix`` makes the document.
"""

from __future__ import annotations

from dataclasses import dataclass

OPERATE, RELEASE, BREAK = "plans.operate_plan", "plans.release_ripcord", "plans.use_break_glass"
JUDGE, WEBHOOKS, ADOPT = "plans.judge_fraudcase", "plans.manage_webhooks", "plans.adopt_policy"
ANSWER, SECOND, PULL = "plans.answer_escalation", "programs.decide_guardedchange", "plans.pull_ripcord"

OWNER = "owner of the task"
ASKED = "asked at the gate"
CONTACT = "contact of the partner"
PROPOSER = "whoever proposed it"
THEMSELVES = "the account itself"


@dataclass(frozen=True, slots=True)
class Act:
    """One of the permissions ``any_of``, or ``relation`` to the object; all of ``all_of`` besides.

    ``status`` is what a valid request is answered; ``note`` says why where that is no success.
    """

    any_of: tuple[str, ...] = ()
    relation: str = ""
    all_of: tuple[str, ...] = ()
    in_session: bool = False
    status: int = 200
    note: str = ""
    to_services: int = 0
    """What a service account gets that may: its own status, where it is another."""

    @property
    def words(self) -> str:
        said = [*(f"`{name}`" for name in self.any_of), *([self.relation] if self.relation else [])]
        told = " or ".join(said)
        told = " and ".join([*([told] if told else []), *(f"`{name}`" for name in self.all_of)])
        return f"{told}{', in a session' if told and self.in_session else ''}" or (
            "in a session" if self.in_session else ""
        )


def _may(name: str, status: int = 200, **told: object) -> Act:
    return Act((name,), status=status, **told)  # type: ignore[arg-type]


_WORK = Act((OPERATE,), OWNER)
_EMPTY = "the body is empty"
READ = Act()
_FILLED = Act(status=400, note=_EMPTY)
CRUD = {"create": _FILLED, "update": _FILLED, "partial_update": READ, "destroy": Act(status=204)}
"""By method of the view, for objects that are made, changed and deleted as they are."""

ACTS: dict[str, Act] = {
    "approval.ask_again": _may(OPERATE),
    "approval.decide": Act(relation=ASKED, in_session=True),
    "attribution.dispute": Act(relation=CONTACT, status=201),
    "break-glass.create": _may(BREAK, 201, in_session=True),
    "break-glass.agree": _may(BREAK, in_session=True),
    "break-glass.review": _may("plans.review_break_glass", in_session=True),
    "command.approvers": READ,
    "command.replay": READ,
    "command.runs": Act(status=202),
    "dataset.make_current": READ,
    "dataset.take_back": READ,
    "dataset.save_profile": Act(all_of=("programs.add_loadprofile", "programs.change_loadprofile")),
    "dataset.preview": Act(status=400, note=_EMPTY),
    "dataset.upload": Act(status=400, note=_EMPTY),
    "dispute.answer": _may("plans.answer_dispute"),
    "dispute.sign_off": Act(relation=CONTACT, in_session=True),
    "dispute.withdraw": Act(relation=CONTACT, in_session=True),
    "escalation.acknowledge": _may(ANSWER),
    "escalation.escalate_now": _may(ANSWER),
    "escalation.hand_over": _may(ANSWER),
    "escalation.resolve": _may(ANSWER),
    "escalation.wait": _may(ANSWER),
    "fraud-case.appeal": _may(JUDGE, in_session=True),
    "fraud-case.confirm": _may(JUDGE, in_session=True),
    "fraud-case.hold": _may(JUDGE, in_session=True),
    "fraud-case.release": _may(JUDGE, in_session=True),
    "guarded-change.approve": _may(SECOND, in_session=True),
    "guarded-change.refuse": _may(SECOND, in_session=True),
    "guarded-change.confirm": _may(SECOND, in_session=True),
    "guarded-change.withdraw": Act(relation=PROPOSER),
    "incoming-webhook.new_secret": _may(WEBHOOKS, 201),
    "plan.start_item": _may(OPERATE, 404, note="the plan has no backlog"),
    "plan.cancel": _may(OPERATE),
    "plan.change": _may(OPERATE),
    "plan.revise": _may(OPERATE),
    "plan.messages": Act(status=201),
    "plan.import_document": Act(status=400, note="it is no plan JSON"),
    "plan.ripcord": _may(PULL),
    "plan.resume": _may(RELEASE, in_session=True),
    "notification-preference.put": READ,
    "policy.create": _may("plans.propose_policy", 201),
    "policy.adopt": _may(ADOPT, in_session=True),
    "policy.reject": _may(ADOPT, in_session=True),
    "policy.withdraw": Act(relation=PROPOSER),
    "reading.create": _may(OPERATE, 201),
    "reading.correct": _may(OPERATE),
    "ripcord.create": _may(PULL, 201),
    "ripcord.release": _may(RELEASE, in_session=True),
    "ripcord.abort": _may(RELEASE, in_session=True),
    "rota-override.partial_update": Act(status=400, note="no ladder in force has its rota"),
    "rota-override.destroy": Act(status=202, note="it waits for a second person"),
    "run.create": Act(status=202),
    "schedule.partial_update": Act(to_services=400, note="who asks for its runs is a person"),
    "scheduled-run.run_after_all": _may(OPERATE),
    "task.block": _WORK,
    "task.comment": READ,
    "task.complete": _WORK,
    "task.fail": _WORK,
    "task.progress": _WORK,
    "task.reassign": _WORK,
    "task.reopen": _WORK,
    "task.retry": _may(OPERATE),
    "task.unblock": _WORK,
    "task.undo": Act(relation=OWNER),
    "task.waive": Act(relation=ASKED, in_session=True),
    "token.create": Act(in_session=True, status=201),
    "token.end": Act(("core.delete_accesstoken",), THEMSELVES, in_session=True),
    "token.rotate": Act(relation=THEMSELVES, in_session=True, status=201),
    "webhook-delivery.send_again": _may(WEBHOOKS),
    "webhook.end": _may(WEBHOOKS),
    "webhook.new_secret": _may(WEBHOOKS, 201),
    "webhook.pause": _may(WEBHOOKS),
    "webhook.replay": _may(WEBHOOKS, 202),
    "webhook.resume": _may(WEBHOOKS),
}
"""By basename and method of the view. What is not here is told by the method of the request."""
