"""Commands on rows that are written in the local time of a zone, to be compared with those in UTC.

The steps run one after the other as the engine would run them, on rows that are written in local time. What
differs is the name of the zone and the instants, which are compared by what the clocks there show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from gtm.core import canonical, clock
from plans.engine.running import steps
from plans.engine.running.runner import stored_values
from plans.engine.running.steps import StepContext
from plans.runs import registry, start
from plans.schemas.declaration import Command
from plans.schemas.inputs import read_inputs
from plans.schemas.outputs import payload_of
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.loading.ingest import ingest
from programs.datasets.local_time import on_wall_clock, to_instant
from programs.models import Program
from programs.selectors import program_facts

ZONES = ("Pacific/Pago_Pago", "America/New_York", "Pacific/Kiritimati")
"""−11, one whose clocks change within the data, and +14."""
STARTED = datetime(2026, 11, 23, 9)
LOYALTY, REFERRAL = "loyalty-lifecycle-orchestration", "referral-program-orchestration"
OFFICE = timedelta(hours=5)
"""Rows before four in the morning are written five hours later: no clock changes at that time of day."""
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")
NUMBERED = re.compile(r"(Person |program-)\d+")  # of the factories
OF_THE_FILE = {"sha256", "path", "bytes"}

Tables = Mapping[str, Mapping[str, pa.Table]]
"""Partner ("" for our own) → kind → rows."""


# ---------------------------------------------------------------- rows in local time


def at_work(at: datetime) -> datetime:
    return at + OFFICE if at.hour < 4 else at


def in_local_words(column: pa.ChunkedArray) -> pa.Array:
    """Instants, or texts of instants, as what a clock on the wall showed."""
    told = [
        value if isinstance(value, datetime) or value is None else datetime.fromisoformat(value)
        for value in column.to_pylist()
    ]
    return pa.array([at and f"{at_work(at.astimezone(UTC)):%Y-%m-%d %H:%M:%S.%f}" for at in told])


def localised(table: pa.Table) -> pa.Table:
    for number, name in enumerate(table.column_names):
        column = table.column(name)
        is_instant = pa.types.is_timestamp(column.type)
        if pa.types.is_string(column.type):
            first = next((value for value in column.to_pylist() if value), "")
            is_instant = bool(INSTANT.fullmatch(first))
        if is_instant:
            table = table.set_column(number, name, in_local_words(column))
    return table


def open_world(home: Path, tables: Tables, zone: str, currency: str) -> OpenData:
    store, described = SnapshotStore(home), []
    options = Options(home_currency=currency, time_zone=zone, now=datetime(2028, 1, 1, tzinfo=UTC))
    for partner, kinds in tables.items():
        for kind, table in kinds.items():
            file = home / f"{partner}-{kind}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            pa_csv.write_csv(localised(table), file)
            taken = ingest([file], kind, store=store, options=options)
            assert not any("clocks" in reason for reason in taken.reasons)
            described.append({"kind": kind, "sha256": taken.snapshot.sha256, "partner": partner})
    return OpenData(home, described, zone, currency)


# ---------------------------------------------------------------- steps


def run_steps(command: Command, context: StepContext, *left_out: str) -> Iterator[tuple[str, Any, list[Any]]]:
    """Key, values and outputs of each automated step, each reading what those before it left."""
    outputs: dict[str, Any] = {}
    for step in command.steps:
        if step.run and step.key not in left_out:
            run, _ = steps.resolve(command.key, step.key)
            result = run(replace(context, outputs=outputs))
            values = stored_values(result)
            outputs[step.output_var] = values
            yield step.key, values, [payload_of(output) for output in result.outputs]


def by_the_clock(value: Any, zone: str) -> Any:
    """The value as people in the zone read it: no offsets, and the zone by no name."""
    if isinstance(value, dict):
        kept = {key: told for key, told in value.items() if key not in OF_THE_FILE}
        return {by_the_clock(key, zone): by_the_clock(told, zone) for key, told in kept.items()}
    if isinstance(value, list):
        return [by_the_clock(told, zone) for told in value]
    if isinstance(value, str):
        shown = INSTANT.sub(
            lambda at: on_wall_clock(datetime.fromisoformat(at[0]), zone).isoformat()[:19], value
        )
        return NUMBERED.sub("somebody", shown.replace(zone, "here"))
    return value


def figures(command: Command, context: StepContext, *left_out: str) -> dict[str, Any]:
    zone = context.program["time_zone"]
    return {key: by_the_clock([values, found], zone) for key, values, found in
            run_steps(command, context, *left_out)}  # fmt: skip


def context_of(line: str, program: Program, data: OpenData | None, zone: str) -> tuple[Command, StepContext]:
    """The command as the line has it run, started at nine in the morning of the program."""
    program.time_zone = zone
    program.save()
    command, given = start.parse_usage(line)
    with clock.standing_at(to_instant(STARTED, zone)):
        facts = canonical.plain(program_facts(program) | command.context(program))
    inputs, problems = read_inputs(command.inputs, given, facts)
    assert problems == []
    context = StepContext(
        inputs=inputs, outputs={}, program=facts, data=data, seed=7, now=to_instant(STARTED, zone),
        progress=lambda percent, note="": None,
    )  # fmt: skip
    return registry.tailor(command, inputs, facts), context


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure and word by where it stands."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, told in pairs:
            yield from leaves(told, f"{path}/{key}")
    else:
        yield path, value


_VERSION = re.compile(r"version \d+ of the program")


def _without_version(told: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for path, value in told:
        yield path, _VERSION.sub("a version", value) if isinstance(value, str) else value


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """But for the version of the program: moving it to the zone is a change of its own."""
    here, there = (dict(_without_version(leaves(each))) for each in (found, wanted))
    assert len(wanted) > 1
    moved = {path: (here.get(path), told) for path, told in there.items() if here.get(path) != told}
    assert moved == {}, moved
    assert here.keys() == there.keys()
