"""Every field of what says who may decide: does it take two people, and why not where it does not. Pure data.

A test holds this against the models, so that no field and no link to a person is forgotten, and asks the
guard about each one that takes two. ``manage.py governance_matrices`` writes it into docs/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TWO, ALONE, ENGINE = "two people", "one person", "the engine"


@dataclass(frozen=True, slots=True)
class Weight:
    """Who changes a field, and what it does; of one that takes ``TWO``, when a change takes only one."""

    by: str
    why: str
    one_person_when: str = ""


def _two(why: str, one_person_when: str = "") -> Weight:
    return Weight(TWO, why, one_person_when)


def _free(why: str) -> Weight:
    return Weight(ALONE, why)


_ABSENT = "the absence is one's own, or it becomes shorter"
_LENT = "the authority is one's own, or the delegation is revoked"
_NOT_THEIRS = "it is one's own, or nothing is decided by them"
_LAST = ", and somebody is left who could agree"
_PLACE = "where somebody works; tasks of a launch are planned by it"
_LEAD = "narrower, lower, shorter or ended: it holds at once"
_PUBLISHED = "no plan has published it yet"
_ENGINE = Weight(ENGINE, "written when a plan publishes, or when two people depart from it")

AUTHORITY: Mapping[str, Mapping[str, Weight]] = {
    "programs.approver": {
        "person": _two("whose authority it is"),
        "role": _two("which seats it fills"),
        "limit_amount": _two("up to which amount", _LEAD),
        "limit_currency": _two("in which currency the limit is", "there is no limit"),
        "program_kinds": _two("for which kinds of programs", _LEAD),
        "regions": _two("for which regions", _LEAD),
        "valid_from": _two("from when", _LEAD),
        "valid_until": _two("until when", _LEAD),
    },
    "programs.absence": {
        "person": _two("who is away", _ABSENT),
        "substitute": _two("who decides instead", _ABSENT),
        "starts_at": _two("from when", _ABSENT),
        "ends_at": _two("until when", _ABSENT),
        "note": _free("a remark"),
    },
    "programs.delegation": {
        "principal": _two("whose authority is lent", _LENT),
        "delegate": _two("to whom", _LENT),
        "role": _two("for which role", _LENT),
        "commands": _two("for which commands", _LENT),
        "amount_cap": _two("up to which amount", _LENT),
        "currency": _two("in which currency", _LENT),
        "starts_at": _two("from when", _LENT),
        "ends_at": _two("until when", _LENT),
        "reason": _two("why, as the second person has read it", _LENT),
        "revoked_at": _two("a revoked delegation that would count again", _LENT),
    },
    "programs.rotaoverride": {
        "rota": _two("which rota"),
        "person": _two("who is on call, and takes the cases of its rungs"),
        "starts_at": _two("from when"),
        "ends_at": _two("until when; ended early it gives the turn back"),
        "reason": _two("why, as the second person has read it"),
    },
    "programs.person": {
        "accounts": _two(
            "who acts: votes and requests are counted by person", "neither of them may do more than look"
        ),
        "is_active": _two("somebody who decides again", f"the person is closed{_LAST}"),
        "name": _free("how somebody is called"),
        "email": _two("where messages go, of what is decided in their name, too", _NOT_THEIRS),
        "country": _free(_PLACE),
        "subdivision": _free(_PLACE),
        "time_zone": _free(_PLACE),
    },
    "programs.role": {
        "slug": _two("gates and ladders know a role by it", "the role is new"),
        "group": _two("which group of accounts goes with it", "the role is new"),
        "handles_money_or_law": _two("whether decisions ask for the password", "it is asked from now on"),
        "name": _free("how the role is called"),
        "description": _free("a remark"),
    },
    "programs.partner": {
        "contact": _two("who signs for the partner", "nobody signs any more"),
        "slug": _free("its handle"),
        "name": _free("how it is called"),
        "tier": _free("the partner's level"),
        "country": _free("where it is"),
        "currency": _free("what it counts in"),
        "time_zone": _free("its days"),
        "programs": _free("where it takes part; nobody decides by it"),
    },
    "programs.program": {
        name: _two(f"what seats, authority and clocks look at: {said}", "no plan of it is open")
        for name, said in (
            ("kind", "for which kinds an authority is"),
            ("region", "for which regions"),
            ("country", "holidays of its gates"),
            ("subdivision", "holidays of its gates"),
            ("working_week", "working days of its gates"),
            ("time_zone", "working hours of its gates"),
        )
    },
    "auth.user": {
        "is_superuser": _two("may do everything", f"it is taken away{_LAST}"),
        "is_staff": _two("may use the site", "it is taken away"),
        "is_active": _two("may log in", f"the account is closed{_LAST}"),
        "groups": _two("what the account may do", f"it allows nothing, or one is taken away{_LAST}"),
        "user_permissions": _two("what the account may do", f"one is taken away{_LAST}"),
        "password": _two("who can log in", "it is one's own, or nothing is decided with the account"),
        "username": _free("how the account is called"),
        "first_name": _free("a name"),
        "last_name": _free("a name"),
        "email": _free("an address; nobody logs in with it"),
        "last_login": Weight(ENGINE, "written at a login"),
        "date_joined": _free("a date"),
    },
    "auth.group": {
        "permissions": _two("what its accounts may do", f"one is taken away{_LAST}"),
        "name": _free("how it is called"),
    },
    "programs.tier": {
        **{
            name: _two("what a plan has published", _PUBLISHED)
            for name in ("program", "name", "rank", "threshold", "earn_multiplier")
        },
        "from_plan": _ENGINE,
        "departs": _ENGINE,
    },
    "programs.benefit": {
        **{
            name: _two("what a plan has published", _PUBLISHED)
            for name in ("tier", "name", "kind", "description", "unit_cost")
        },
        "departs": _ENGINE,
    },
    "programs.lifecycletrigger": {
        **{
            name: _two("what a plan has published", _PUBLISHED)
            for name in (
                "program", "key", "stage", "event", "entry_rule", "action", "channel", "owner_role",
            )
        },
        "from_plan": _ENGINE,
        "departs": _ENGINE,
    },
}  # fmt: skip
"""Model → field → who changes it. Of a program only what gates look at; the rest is content of its plans."""

_ACT = "on record: who did it"
NAMES_ONLY: Mapping[str, str] = {
    "admin.logentry.user": _ACT,
    "account.emailaddress.user": "where second factors are told of; nobody signs in by it",
    "core.accountmail.user": "whom a message about the account goes to",
    "mfa.authenticator.user": "proves who signs in and gives no right; a reset takes two people",
    "usersessions.usersession.user": _ACT,
    "programs.waitingupload.user": _ACT,
    "core.accesstoken.user": "a token decides nothing",
    "core.serviceaccount.user": "an account that decides nothing",
    "core.serviceaccount.owner": "who answers for a program; decides nothing by it",
    "core.signin.user": _ACT,
    "core.passwordofanother.user": "whose password somebody else knows; written with the password",
    "socialaccount.socialaccount.user": "who signs in at a provider; linked by a verified mail",
    "core.accountzone.user": "in which zone its pages show times; gives no right",
    "core.keptanswer.user": "whose request it was; gives no right",
    "core.savedview.user": "whose list it is; gives no right",
    "core.passwordfromlink.user": "whose password came by mail alone; written with the password",
    "programs.guardedchange.requested_by": _ACT,
    "programs.guardedchange.decided_by": _ACT,
    "programs.program.owner": "who is told; an owner decides nothing by it",
    "programs.program.assumptions_owner": "who answers for figures; decides nothing by it",
    "programs.metric.owner_role": "who is told of it",
    "programs.runbooktask.responsible": "who does a task of a launch; kept by the plan from its start",
    "programs.runbooktask.accountable": "who answers for it; kept by the plan from its start",
    "programs.runbooktask.substitute": "who does it instead; kept by the plan from its start",
    "programs.runbookalert.owner": "who is told",
    "plans.decision.person": _ACT,
    "plans.decision.user": _ACT,
    "plans.decision.on_behalf_of": _ACT,
    "plans.breakglass.asked_by": _ACT,
    "plans.breakglass.agreed_by": _ACT,
    "plans.breakglass.reviewed_by": _ACT,
    "plans.escalation.acknowledged_by": _ACT,
    "plans.escalation.owner": "who has it in hand; an answered case approves nothing",
    "plans.notification.person": "whom a message went to",
    "plans.notificationpreference.person": "how somebody wants to be told",
    "plans.outsidechange.user": _ACT,
    "plans.plan.requested_by": _ACT,
    "plans.incomingsource.account": "in whose name rows are loaded; an account that decides nothing",
    "plans.webhooksubscription.owner": "who is told when it fails; decides nothing by it",
    "plans.policyversion.proposed_by": "proposed by one person, adopted by another: a machine of its own",
    "plans.policyversion.decided_by": "proposed by one person, adopted by another: a machine of its own",
    "plans.ripcordpull.pulled_by": _ACT,
    "plans.schedule.owner": "who asks for its runs; whoever edits a schedule becomes its owner",
    "plans.task.agent": "structure of the plan, sealed when it is accepted",
    "plans.task.fallback_agent": "structure of the plan, sealed when it is accepted",
    "plans.task.owner": "who does it; whoever has ever owned a guarded task decides nothing at its gate",
    "plans.task.covers_for": "in whose place; as with the owner",
    "plans.taskattempt.user": _ACT,
    "plans.fraudcase.owner": "who has it in hand; handed over with a reason, and does not close it alone",
    "plans.fraudcase.opened_by": _ACT,
    "plans.fraudcase.held_by": _ACT,
    "plans.fraudcase.appealed_by": _ACT,
    "plans.fraudcase.decided_by": _ACT,
    "plans.dispute.owner": "who has it in hand; the partners sign, not the owner",
    "plans.dispute.answered_by": _ACT,
}
"""Links to a person, an account, a group or a role by which nobody comes to decide anything, and why."""
