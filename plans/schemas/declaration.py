"""A command is declared once, as data; form, command line, REST and plan JSON all come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from plans.schemas.inputs import Input
from plans.schemas.roles import RoleDefinition

AUTOMATED, HUMAN, GATE = "automated", "human", "gate"
RETRY_LIMIT = "retry_limit"
GUARDRAIL_INPUTS = frozenset({RETRY_LIMIT})
"""Inputs that say how a run is guarded: no step reads them, and no figure depends on them."""
COMMAND_IN_ADDRESS = "[a-z0-9-]+(?::[a-z0-9-]+)?"
"""A command in an address: its key, ``plugin:name``, or its name where one plugin alone has it."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat at a gate: so many distinct people of a role, and the condition that asks for it.

    ``condition`` is data, e.g. {"field": "amount", "over": "25000", "currency": "USD"}; None always applies.
    """

    role: str
    minimum: int = 1
    condition: Mapping[str, Any] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """Who must agree before the tasks behind it run, and to exactly what.

    ``scope`` names output variables and inputs whose content is approved; ``hours`` is the service
    level on the program's working calendar; ``on_reject``: veto or impossible; ``on_exhausted``: hold
    (the round waits for a late vote) or reject, when the last rung of its ladder has not answered.
    """

    key: str
    title: str
    question: str
    seats: Sequence[Seat]
    scope: Sequence[str] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    hours: int = 16
    on_reject: str = "veto"
    on_exhausted: str = "hold"
    reauthenticate: bool = False
    signal_on_changes: str = ""
    distinct_from: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A task of the plan. ``run`` computes it (automated); a gate has ``gate``; people do the rest.

    ``run`` is a function, or its path "package.module:function": declaring a command with paths loads
    none of its analytics.
    ``apply(plan, values)`` is the task's effect on our own rows, in the transaction that records its success;
    ``compensate(plan, values)`` undoes the task when the plan is aborted.
    ``hold(plan)`` answers why the task must not begin although all it needs is done, or None.
    ``governs`` names those of its values that are content of the plan (tiers, triggers): where the task is
    done again, the change log says from what to what each moved.
    ``reads`` names the inputs and facts ("context.NAME") the task depends on by itself, so that a change of
    others leaves it alone; None: it may depend on any. ``due_date`` is the last day for it, on its
    owner's calendar.

    ``instead`` is another method of an automated step, which has one turn when its attempts have failed;
    ``instead_how`` says in words what it does otherwise. Without one, who holds ``fallback_agent`` gets the
    task with what failed. ``brief(outputs, inputs)`` answers what people are to look at when a task becomes
    theirs; it is kept with the task. ``evidence`` says in words what shows that people have done it: without
    any the task is not completed.
    """

    task_id: str
    key: str
    name: str
    agent: str
    purpose: str
    needs: Sequence[str] = ()
    run: str | Callable[..., Any] = ""
    apply: str | Callable[..., None] = ""
    compensate: str | Callable[..., None] = ""
    hold: str | Callable[..., str | None] = ""
    instead: str | Callable[..., Any] = ""
    instead_how: str = ""
    brief: str | Callable[..., Sequence[Any]] = ""
    reads: Sequence[str] | None = None
    governs: Sequence[str] = ()
    gate: Gate | None = None
    fallback_agent: str = ""
    skills: Sequence[str] = ()
    output_var: str = ""
    expected_seconds: int = 5
    due_hours: int = 0
    evidence: str = ""
    due_date: date | None = None
    datasets: Sequence[str] = ()

    @property
    def kind(self) -> str:
        if self.gate is not None:
            return GATE
        return AUTOMATED if self.run else HUMAN


@dataclass(frozen=True, slots=True)
class Stage:
    stage_id: str
    name: str
    execution: str
    steps: Sequence[Step]
    merge_gate: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation of a rota: ``people`` (e-mail addresses) take turns of length ``turn`` from ``since`` on.

    ``since`` is a day, or a day and a time: at that time the next one takes over. ``days`` ("mon-fri, sun")
    and ``hours`` ("18:00-08:00") say when it is on; empty is always. All of it where the program is.
    """

    turn: str
    since: str
    people: Sequence[str]
    days: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    """Who is on call: a first layer, and ``layers`` of which each covers those before it while it is on.

    Whoever is away or has left is passed over for the next of the layer, then for the layer below. Dated
    overrides of the rota of this ``name`` cover all layers; they are rows, and not part of its text.
    """

    name: str
    turn: str
    since: str
    people: Sequence[str]
    days: str = ""
    hours: str = ""
    layers: Sequence[Layer] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung of the ladder: who is told and has ``hours`` (working calendar) to answer.

    Everybody who holds one of ``roles``, and whoever is on call by ``rota``. Only a role gives authority.
    """

    roles: Sequence[str] = ()
    hours: int = 4
    effect: str = "notify"
    rota: Rota | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """When ``signal`` comes ``breaches`` times the ladder opens, and the rip-cord is pulled if declared.

    ``of`` looks at the last so many measured periods (0: at all since it was last clear); ``clear_after``
    good periods in a row start again. A metric rule also has ``comparator`` (<, <=, >, >=) and ``limit``,
    past which it alarms, and a ``clear_limit`` it must come back over; values of another
    ``metric_version`` do not count. ``missing_after`` periods in a row without a value raise a
    notice of their own; 0 raises none. ``at_once`` names the roles that are told as soon as its case opens,
    whatever rung the ladder has reached: a governance board that is called.
    """

    signal: str
    title: str
    breaches: int = 2
    pulls_ripcord: bool = False
    of: int = 0
    clear_after: int = 1
    comparator: str = ""
    limit: str = ""
    clear_limit: str = ""
    metric_version: int = 1
    missing_after: int = 2
    at_once: Sequence[str] = ()


class ToolWork:
    """What a tool is wanted for."""

    DEFINITIONS = "definition-diff"
    PROCEDURES = "procedure-library"
    COMPARISON = "comparison-record"
    RETROSPECTIVE = "retro-record"
    FLOW = "browser-flow"
    EVERY = (DEFINITIONS, PROCEDURES, COMPARISON, RETROSPECTIVE, FLOW)


@dataclass(frozen=True, slots=True)
class ToolHook:
    """A tool that the command's document names, and what is done in its place at the step ``step``.

    ``work`` is one of ``ToolWork``. ``subject`` is what it is about: a place ("output_var.key",
    "context.NAME"), "datasets", or the page of the program that is opened; ``beside`` is the place of what
    the subject is held against. Plans that were started before hooks were called name no work.
    """

    tool: str
    purpose: str
    work: str = ""
    step: str = ""
    subject: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A line of the review checklist. ``check`` answers (passed, evidence); without one a person ticks it.

    It is a function, or its path "package.module:function".
    """

    key: str
    text: str
    check: str | Callable[..., tuple[bool, str]] = ""
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class SuccessMetric:
    """What a run is judged by. ``target`` is its aim in words, ``aim`` where the value of it stands.

    ``actual`` and ``aim`` are places as ``plans.export.measures`` reads them: "output_var.key",
    "thresholds.METRIC", "context.NAME", "plan.sla_adherence" or a number; "a|b" takes the first that holds
    one, "a*1.1" a multiple. It is met where the actual value stands to the aim as ``comparator`` (>=, <=)
    says. ``later`` names what later runs of which command measure of it: "plugin:name output_var.key".
    ``source`` says where the value comes from, ``absent`` why there is none where nothing better is known.
    """

    key: str
    label: str
    target: str
    actual: str = ""
    unit: str = ""
    comparator: str = ""
    aim: str = ""
    source: str = ""
    later: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class GuardrailLimit:
    """A limit of the run that no success metric states; ``limit`` is a place, as ``SuccessMetric.aim``.

    What stands to it as ``comparator`` (>=, <=) says is within it.
    """

    key: str
    label: str
    comparator: str
    limit: str
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class OutsideParty:
    """Somebody beside the team whom tasks depend on: legal, finance, a CRM's owners.

    The tasks with the keys ``gives`` wait for what the party gives, those of ``takes`` hand it something.
    ``role`` is who speaks for it; ``contact`` their name when the plan started.
    """

    key: str
    name: str
    role: str
    gives: Sequence[str] = ()
    takes: Sequence[str] = ()
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Fallback:
    agent: str
    covered_by: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A kind of object from whose page the command starts: "program", "campaign", "partner" or "dataset".

    ``fills`` says which input takes which attribute of the object. The program comes by itself.
    """

    kind: str
    fills: Mapping[str, str] = field(default_factory=dict)


def no_objective(inputs: Mapping[str, Any], program: Any) -> str:
    """Stands where a command has none; the registry refuses it."""
    raise NotImplementedError("A command says with its objective what a run is for.")


@dataclass(frozen=True, slots=True)
class DataNeed:
    """What a command has from a kind of data, said by what is missing without it, a sentence each.

    ``without``: where none are loaded. ``columns``: column → where it is empty. ``days``: the least that the
    data should cover, and ``too_short`` what it costs where they cover less.
    """

    kind: str
    without: str
    columns: Mapping[str, str] = field(default_factory=dict)
    days: int = 0
    too_short: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """``stages_for(inputs, facts)`` makes the stages of one run where the inputs decide on them; ``stages``
    then holds the tasks that every run has. ``standing(plan)`` answers outputs on how a plan stands now,
    ``forecast(plan)``, made once a day while it runs, values of what lies ahead with a sentence ``told``.
    ``watch(plan)`` holds limits against the newest data, as often as it says itself in ``next_at`` of its
    values; None while nothing is to be watched.
    ``hold(plan, key)`` says why a task that ``stages_for`` made must not begin yet.
    ``program_input`` names the input that chooses the program. ``action`` is what a button that
    starts it says, ``starts_from`` on whose pages that button is.
    """

    plugin: str
    name: str
    title: str
    summary: str
    program_kind: str
    inputs: Sequence[Input]
    stages: Sequence[Stage]
    strategy: str
    strategy_rationale: str
    ladder: Sequence[Rung]
    objective: Callable[[Mapping[str, Any], Any], str] = no_objective
    triggers: Sequence[Trigger] = ()
    reading_units: Mapping[str, str] = field(default_factory=dict)
    """Signal → unit of its readings: "%" (shares of 1), "money" (of the program), or what is counted."""
    tool_hooks: Sequence[ToolHook] = ()
    checklist: Sequence[ChecklistItem] = ()
    success_metrics: Sequence[SuccessMetric] = ()
    outputs: Sequence[str] = ()
    deliverables: Sequence[str] = ()
    limits: Sequence[GuardrailLimit] = ()
    outside_parties: Sequence[OutsideParty] = ()
    governed_facts: Sequence[str] = ()
    """Names of facts (``context``) that are content of the plan, as inputs are: their changes are logged."""
    roles: Sequence[RoleDefinition] = ()
    """What the roles that it needs are. An installation makes them from here."""
    ladder_repeats: int = 0
    max_retries: int = 2
    complexity: str = "medium"
    example: str = ""
    required_datasets: Sequence[str] = ()
    optional_datasets: Sequence[str] = ()
    data_needs: Sequence[DataNeed] = ()
    reads_partners: bool = False
    """Whether data of one kind that several partners brought are read together."""
    amount_input: str = ""
    campaign_input: str = ""
    program_input: str = ""
    context: Callable[..., Mapping[str, Any]] | None = None
    stages_for: str | Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[Stage]] = ""
    success_metrics_for: Callable[[Mapping[str, Any]], Sequence[SuccessMetric]] | None = None
    """What the inputs of a run add to ``success_metrics``."""
    standing: str | Callable[..., Sequence[Any]] = ""
    forecast: str = ""
    watch: str = ""
    hold: str = ""
    version: int = 1
    action: str = ""
    starts_from: Sequence[Origin] = ()

    @property
    def key(self) -> str:
        """What the command is kept by everywhere: two plugins may each have a command of one name."""
        return f"{self.plugin}:{self.name}"

    @property
    def path(self) -> str:
        """The key as a usage line begins with it."""
        return f"/{self.key}"

    @property
    def steps(self) -> list[Step]:
        return [step for stage in self.stages for step in stage.steps]

    @property
    def fallbacks(self) -> list[Fallback]:
        pairs = {(s.agent, s.fallback_agent) for s in self.steps if s.fallback_agent}
        return [Fallback(agent, cover) for agent, cover in sorted(pairs)]

    def input(self, name: str) -> Input | None:
        return next((i for i in self.inputs if i.name == name), None)
