"""The standard runbooks for referral launches: what every launch does, and what each channel adds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from programs.models import ProgramKind, Role, Runbook, RunbookAlert, RunbookPhase, RunbookTask
from programs.schemas.launch_events import STANDARD_LOOKS, STANDARD_REVIEWS, STANDARD_SESSIONS

TOOLING, COMMUNICATIONS, ENABLEMENT = (
    RunbookPhase.TOOLING,
    RunbookPhase.COMMUNICATIONS,
    RunbookPhase.ENABLEMENT,
)
APPROVAL, DAY_OF, MONITORING = RunbookPhase.APPROVAL, RunbookPhase.DAY_OF, RunbookPhase.MONITORING
ARCHITECT, OPS, PARTNERS = "referral-architect", "lifecycle-ops", "partner-manager"
SPONSOR, SUCCESS, SALES, STUDIO = "exec-sponsor", "customer-success", "sales", "creative"

OUTCOME = "What came of it, in words: invitations, referrals, customers, and what surprised"


@dataclass(frozen=True, slots=True)
class RunbookLine:
    """A task: ``days`` are optimistic, likely and pessimistic business days."""

    key: str
    name: str
    phase: str
    group: str
    responsible: str
    accountable: str
    days: tuple[str, str, str] = ("0", "0", "0")
    needs: tuple[str, ...] = ()
    blocks: bool = True
    weight: str = "1"
    after: int | None = None
    consulted: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    purpose: str = ""
    evidence: str = ""


EVERY_LAUNCH = (
    RunbookLine("design-charter", "Pull the design charter", TOOLING, "checklist", ARCHITECT, ARCHITECT, ("0.5", "1", "2"),
         informed=(SPONSOR,), purpose="Goal, audience, reward and rules, agreed and in one place"),
    RunbookLine("terms-review", "Review terms and privacy", TOOLING, "legal", "legal", "legal", ("2", "3", "6"),
         ("design-charter",), weight="2", consulted=(PARTNERS,), purpose="Terms, tax, claims, consent and personal data",
         evidence="Where the reviewed terms are kept, with their version"),
    RunbookLine("reward-funding", "Fund the rewards", TOOLING, "finance", "finance", "finance", ("1", "2", "4"),
         ("design-charter",), weight="2", consulted=(ARCHITECT,), purpose="Budget, accrual and payout calendar"),
    RunbookLine("referral-forms", "Finish the referral forms", TOOLING, "tooling", OPS, OPS, ("2", "3", "5"), ("design-charter",),
         weight="2", consulted=(ARCHITECT,), purpose="Invite, landing and status forms with their validation"),
    RunbookLine("tracking", "Set up tracking", TOOLING, "tooling", OPS, OPS, ("1", "2", "4"), ("referral-forms",), weight="2",
         informed=("revops",), purpose="Codes, UTM tags and events from invite to reward"),
    RunbookLine("reward-fulfilment", "Connect reward fulfilment", TOOLING, "tooling", OPS, OPS, ("2", "4", "8"), ("reward-funding",),
         weight="2", consulted=("finance",), purpose="Holding period, payout run, reversal"),
    RunbookLine("map-workflows", "Build the marketing automation flows", TOOLING, "tooling", OPS, OPS, ("2", "3", "6"), ("tracking",),
         weight="2", purpose="Invite, reminder, thanks, reward notice"),
    RunbookLine("creative-assets", "Produce the creative assets", TOOLING, "creative", STUDIO, ARCHITECT, ("3", "5", "8"),
         ("design-charter",), blocks=False, consulted=(PARTNERS,), purpose="Pictures and formats the channels ask for"),
    RunbookLine("partner-alignment", "Align partners", TOOLING, "partner", PARTNERS, PARTNERS, ("2", "4", "7"), ("design-charter",),
         weight="2", informed=(SALES,), purpose="Workflows, approvals and what partners may say, documented"),
    RunbookLine("kit-review", "Proof-read and sign off the kit", COMMUNICATIONS, "communications", STUDIO, ARCHITECT, ("1", "2", "3"),
         ("creative-assets",), consulted=("legal",), purpose="Every message of the communications kit, word by word"),
    RunbookLine("train-sales", "Train sales", ENABLEMENT, "enablement", SALES, PARTNERS, ("1", "2", "3"), blocks=False,
         purpose="Sessions held, attendance noted"),
    RunbookLine("train-success", "Train customer success", ENABLEMENT, "enablement", SUCCESS, PARTNERS, ("1", "2", "3"),
         purpose="Sessions held, attendance noted, support script rehearsed"),
    RunbookLine("publish-faq", "Publish the FAQ", ENABLEMENT, "enablement", SUCCESS, SUCCESS, ("0.5", "1", "2"), ("train-success",),
         informed=(SALES,), purpose="Questions of advocates and their friends"),
    RunbookLine("help-centre", "Update the help centre", ENABLEMENT, "enablement", SUCCESS, SUCCESS, ("1", "2", "4"),
         ("train-success",), blocks=False, purpose="Articles linked from forms and messages"),
    RunbookLine("legal-approval", "Legal approval", APPROVAL, "approvals", "legal", "legal", ("0.5", "1", "3")),
    RunbookLine("finance-approval", "Finance approval", APPROVAL, "approvals", "finance", "finance", ("0.5", "1", "3")),
    RunbookLine("partner-approval", "Partner approval", APPROVAL, "approvals", PARTNERS, PARTNERS, ("0.5", "1", "3")),
    RunbookLine("go-no-go", "Go or no-go", APPROVAL, "approvals", SPONSOR, SPONSOR, ("0.25", "0.5", "1")),
    RunbookLine("confirm-tracking", "Confirm tracking on live pages", DAY_OF, "day of launch", OPS, OPS, after=0,
         purpose="One referral from invite to event, with a test code",
         evidence="The test code, and when its event arrived"),
    RunbookLine("confirm-forms", "Confirm forms and fulfilment", DAY_OF, "day of launch", OPS, OPS, after=0,
         purpose="One test referral is taken, held and reversed",
         evidence="The number of the test referral that was reversed"),
    RunbookLine("enable-dashboards", "Enable dashboards and alerts", DAY_OF, "day of launch", "revops", OPS, after=0,
         purpose="Every line of the monitoring plan shows live figures"),
    RunbookLine("brief-support", "Brief support on duty", DAY_OF, "day of launch", SUCCESS, SUCCESS, after=0, blocks=False),
    RunbookLine("outcomes-day-1", "Log outcomes of day 1", MONITORING, "monitoring", PARTNERS, ARCHITECT, after=1,
         evidence=OUTCOME),
    RunbookLine("outcomes-day-7", "Log outcomes of day 7", MONITORING, "monitoring", PARTNERS, ARCHITECT, after=7,
         evidence=OUTCOME),
    RunbookLine("partner-support", "Support partners after the launch", MONITORING, "partner", PARTNERS, PARTNERS, ("7", "7", "7"), after=7,
         informed=("partner-ops",), purpose="What partners ask is answered and noted, their workflows are mended"),
    RunbookLine("retrospective", "Hold the retrospective of day 30", MONITORING, "monitoring", PARTNERS, SPONSOR, after=30,
         consulted=(OPS, ARCHITECT), evidence=OUTCOME),
)  # fmt: skip
SUBSTITUTES = {
    OPS: PARTNERS,
    PARTNERS: "partner-ops",
    ARCHITECT: OPS,
    SUCCESS: SALES,
    SALES: SUCCESS,
    "revops": OPS,
    STUDIO: OPS,
}
"""Who covers for whom. For legal and finance others of the role do; where there are none the ladder is told."""
CHANNELS: dict[str, tuple[str, tuple[RunbookLine, ...]]] = {
    "email": ("Referral launch: e-mail", (
        RunbookLine("email-deliverability", "Check deliverability", TOOLING, "email", OPS, OPS, ("0.5", "1", "2"), ("map-workflows",),
             purpose="SPF, DKIM, DMARC, one-click unsubscribe, seed list"),
        RunbookLine("email-schedule", "Schedule the sends", COMMUNICATIONS, "email", OPS, OPS, ("0.25", "0.5", "1"), ("kit-review",),
             informed=(SUCCESS,)),
    )),
    "in-app": ("Referral launch: in-app", (
        RunbookLine("in-app-placement", "Place the prompt behind a flag", TOOLING, "in-app", OPS, OPS, ("1", "2", "4"),
             ("referral-forms",), purpose="Audience, frequency cap, off switch"),
        RunbookLine("in-app-copy", "Fit the copy into the prompt", COMMUNICATIONS, "in-app", STUDIO, ARCHITECT, ("0.5", "1", "2"),
             ("kit-review",), blocks=False),
    )),
    "social": ("Referral launch: social", (
        RunbookLine("social-schedule", "Schedule the posts", COMMUNICATIONS, "social", STUDIO, PARTNERS, ("0.5", "1", "2"),
             ("kit-review",), blocks=False),
    )),
    "partner": ("Referral launch: partners", (
        RunbookLine("partner-briefing", "Brief the partners", COMMUNICATIONS, "partner", PARTNERS, PARTNERS, ("1", "2", "4"),
             ("kit-review",), informed=("partner-ops",)),
    )),
}  # fmt: skip
ALERTS = (
    ("tracking-gap", "Clicks without an event", "Referral dashboard, panel Tracking", "more than 5 % of clicks in an hour", OPS, 30,
     "Pause paid promotion\nCompare one click with its events\nRoll the tag back\nAsk for the rip-cord where codes are lost"),
    ("conversion-drop", "Referrals that become customers", "Rules and breaches", "below 2 % of the referrals of the days a review looks at", ARCHITECT, 240,
     "Look at the form's errors by device\nCompare channels\nSwitch to the message before"),
    ("fraud-spike", "Fraud flags", "Rules and breaches", "above 3 % of the invitations of the days a review looks at", OPS, 60,
     "Hold rewards of the cohort\nRun optimize-referrals for 7 days\nCall the referral architect"),
    ("reward-failures", "Failed payouts", "Fulfilment dashboard", "any failed payout run", "finance", 120,
     "Stop the next run\nReconcile the ledger\nTell advocates who wait"),
    ("support-volume", "Tickets about referrals", "Support dashboard", "twice the daily mean", SUCCESS, 120,
     "Answer from the support script\nAdd the question to the FAQ\nTell lifecycle operations"),
)  # fmt: skip

LIMITS = {"conversion-drop": "conversion<0.02", "fraud-spike": "fraud_rate>0.03"}
"""What reviews of the launch hold against the data; the others are for people to watch."""


SAID_BEFORE = {"conversion-drop": "below 2 % over 24 hours", "fraud-spike": "above 3 % of referrals in a day"}
"""Words of earlier releases that were not true: the limit is held against the days a review looks at."""


def load() -> None:
    """Every runbook that is not there yet; those that people have edited are left alone, but for words that
    were not true."""
    roles = {role.slug: role for role in Role.objects.all()}
    _runbook("", "Referral launch", EVERY_LAUNCH, roles)
    for channel, (title, lines) in CHANNELS.items():
        _runbook(channel, title, lines, roles)
    _mend_words()


def _mend_words() -> None:
    now = {key: (name, condition) for key, name, _, condition, *_ in ALERTS}
    for key, before in SAID_BEFORE.items():
        for alert in RunbookAlert.objects.filter(key=key, condition=before):
            alert.name, alert.condition = now[key]
            alert.save()


def _runbook(channel: str, title: str, lines: tuple[RunbookLine, ...], roles: dict[str, Role]) -> None:
    if Runbook.objects.filter(program_kind=ProgramKind.REFERRAL, channel=channel).exists():
        return
    runbook = Runbook(
        program_kind=ProgramKind.REFERRAL,
        channel=channel,
        title=title,
        sessions=[dict(line) for line in STANDARD_SESSIONS.get(channel, ())],
        reviews=[dict(line) for line in STANDARD_REVIEWS] if not channel else [],
        looks=[dict(line) for line in STANDARD_LOOKS] if not channel else [],
    )
    runbook.save()
    for position, line in enumerate(lines, start=1):
        _task(runbook, position, line, roles).save(new_version=False)
    for position, alert in enumerate(ALERTS if not channel else (), start=1):
        _alert(runbook, position, alert, roles).save(new_version=False)


def _task(runbook: Runbook, position: int, line: RunbookLine, roles: dict[str, Role]) -> RunbookTask:
    optimistic, likely, pessimistic = map(Decimal, line.days)
    substitute = SUBSTITUTES.get(line.responsible, "")
    return RunbookTask(
        runbook=runbook, position=position, key=line.key, name=line.name, purpose=line.purpose, phase=line.phase,
        group=line.group, responsible=roles[line.responsible], accountable=roles[line.accountable],
        substitute=roles.get(substitute), consulted=list(line.consulted), informed=list(line.informed),
        needs=list(line.needs), optimistic_days=optimistic, likely_days=likely, pessimistic_days=pessimistic,
        days_after_launch=line.after, weight=Decimal(line.weight), is_blocker=line.blocks,
        evidence=line.evidence,
    )  # fmt: skip


def _alert(runbook: Runbook, position: int, told: tuple, roles: dict[str, Role]) -> RunbookAlert:
    key, name, dashboard, condition, owner, minutes, response = told
    return RunbookAlert(runbook=runbook, position=position, key=key, name=name, dashboard=dashboard,
                        condition=condition, threshold=LIMITS.get(key, ""), owner=roles[owner], response_minutes=minutes, response=response)  # fmt: skip
