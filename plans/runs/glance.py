"""What a run of a command would measure now, on the newest data, without a run: nothing is stored or asked.

A look between two runs holds the same limits as they do, by the same steps and definitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gtm.core import canonical, clock
from gtm.core.later import later
from plans.engine.running import runner, steps
from plans.engine.running.steps import StepContext
from plans.runs import registry, start
from plans.runs.draft import Draft
from plans.schemas.declaration import GUARDRAIL_INPUTS, Step
from plans.schemas.outputs import StepResult
from programs.models import Program
from programs.schemas.referral_rules import payout_tolerance
from programs.series import query_engines, snapshot_store

if TYPE_CHECKING:
    from programs.datasets.snapshots import opened
else:
    opened = later("programs.datasets.snapshots.opened")


def glance(key: str, inputs: Mapping[str, Any], program: Program, rules: Collection[str]) -> StepResult:
    """What the command ``key`` finds of these rules (names of triggers): signals, measured values and limits.

    Value ``alerts``: every limit with its verdict, as its steps tell it.

    Its steps are computed in their order until each rule was looked at, and none that waits for people.
    Raises InvalidInput where the command could not start, for want of data for one.
    """
    draft = start.prepare(registry.get(key), inputs, program)
    found, wanted = StepResult(values={"alerts": []}), set(rules)
    context = _context(draft)
    outputs: dict[str, Any] = {}
    for step in _by_machine(draft):
        run, _ = steps.resolve(key, step.key)
        result = run(replace(context, outputs=dict(outputs)))
        outputs[step.output_var] = runner.stored_values(result)
        signals = [signal for signal in result.signals if signal.trigger in wanted]
        measured = {rule: value for rule, value in result.measured.items() if rule in wanted}
        if signals or measured:
            found = replace(
                found,
                values={"alerts": [*found.values["alerts"], *result.values.get("alerts", ())]},
                signals=[*found.signals, *signals],
                measured={**found.measured, **measured},
                limits={**found.limits, **result.limits},
                period=result.period,
                window=result.window,
            )
        if wanted <= {*found.measured, *(signal.trigger for signal in found.signals)}:
            break
    return found


def _by_machine(draft: Draft) -> Iterator[Step]:
    """The steps that need nothing of people, in their order."""
    known: set[str] = set()
    for step in draft.command.steps:
        if step.run and known.issuperset(step.needs):
            known.add(step.task_id)
            yield step


def _context(draft: Draft) -> StepContext:
    facts = canonical.plain(draft.facts)
    named = {name: value for name, value in draft.inputs.items() if name not in GUARDRAIL_INPUTS}
    return StepContext(
        inputs=canonical.plain(named),
        outputs={},
        program=facts,
        data=opened.OpenData(
            snapshot_store(),
            draft.datasets,
            facts.get("time_zone", "UTC"),
            facts.get("currency", ""),
            query_engines(),
            payout_tolerance(facts),
        ),
        seed=draft.seed,
        now=clock.now(),
        progress=lambda percent, note="": None,
    )
