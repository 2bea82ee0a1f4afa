"""What a plan document must satisfy beyond its JSON Schema; each failure names its path."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from gtm.core.errors import Problem
from gtm.core.later import later
from plans import case_kinds
from programs.analytics.dependencies import Dependencies

if TYPE_CHECKING:
    import fastjsonschema
    import jsonschema
    import rfc3339_validator
else:
    fastjsonschema, jsonschema = later("fastjsonschema"), later("jsonschema")
    rfc3339_validator = later("rfc3339_validator")

LOWEST_LADDER = 3
EARLIER: Mapping[str, str] = {"1.0": "plan-1.json"}
"""Versions that are read and not written any more → their schema."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a plan document: ``schema/plan.json`` and the sections of registered cases.

    ``schema/plan-2.json`` is its published copy. Raises ValueError for a section that the plan has itself.
    """
    text = resources.files("plans.export").joinpath("schema/plan.json").read_text(encoding="utf-8")
    whole = json.loads(text)
    for section in case_kinds.sections():
        if section.key in whole["properties"]:
            raise ValueError(f"The section {section.key} of a case is one of the plan document's own.")
        whole["properties"][section.key] = json.loads(section.schema.read_text(encoding="utf-8"))
        whole["required"] += [section.key] if section.is_required else []
    whole["required"].sort()
    return whole


@functools.cache
def validator(version: str = "") -> jsonschema.Draft202012Validator:
    """The validator of a version of the schema; for one that is not known, of that written today."""
    whole = _of_version(version)
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())


def _of_version(version: str) -> dict[str, Any]:
    """The schema of a version. An earlier one is as it was published, sections of cases included."""
    if version not in EARLIER:
        return schema()
    text = resources.files("plans.export").joinpath(f"schema/{EARLIER[version]}").read_text(encoding="utf-8")
    whole: dict[str, Any] = json.loads(text)
    return whole


@functools.cache
def _is_valid(version: str) -> Callable[[Mapping[str, Any]], Any]:
    """The schema as compiled Python: raises for what breaks it, and takes a tenth of the validator's time.

    It knows the words of draft 7, and of 2020-12 the schema uses no others.
    """
    formats = {"date-time": rfc3339_validator.validate_rfc3339}
    whole = _of_version(version) | {"$schema": "http://json-schema.org/draft-07/schema#"}
    return fastjsonschema.compile(whole, formats=formats, use_default=False)


def problems(body: Mapping[str, Any]) -> list[Problem]:
    """All violations of schema and structure. A document is held to the version it names."""
    version = _known(body)
    try:
        _is_valid(version)(body)
    except fastjsonschema.JsonSchemaException:
        return (
            [  # it stops at the first fault; this one names them all
                Problem(
                    "/".join(str(part) for part in error.absolute_path) or "document", error.message[:300]
                )
                for error in validator(version).iter_errors(body)
            ]
            or list(_structure(body))
        )
    return list(_structure(body))


def _known(body: Mapping[str, Any]) -> str:
    version = body.get("schema_version")
    return version if isinstance(version, str) and version in EARLIER else ""


def _structure(body: Mapping[str, Any]) -> Iterable[Problem]:
    tasks = [(n, m, task) for n, stage in enumerate(body["stages"]) for m, task in enumerate(stage["tasks"])]
    stage_of: dict[str, int] = {}
    for n, m, task in tasks:
        if task["task_id"] in stage_of:
            yield Problem(f"stages/{n}/tasks/{m}/task_id", f"{task['task_id']} is used twice")
        stage_of[task["task_id"]] = n
    needs: dict[str, list[str]] = {task_id: [] for task_id in stage_of}
    for n, m, task in tasks:
        for need in task["dependencies"]:
            where = f"stages/{n}/tasks/{m}/dependencies"
            if need not in stage_of:
                yield Problem(where, f"{need} is not a task of this plan")
            elif stage_of[need] > n:
                yield Problem(where, f"{need} belongs to a later stage")
            else:
                needs[task["task_id"]].append(need)
    network = Dependencies(needs)
    if network.circles():
        yield Problem("stages", "the dependencies form a circle")
        return
    yield from _groups(body, network)
    yield from _strategy(body)


def _groups(body: Mapping[str, Any], network: Dependencies) -> Iterable[Problem]:
    for n, group in enumerate(body["parallelization"]["parallel_groups"]):
        for task_id in group["tasks"]:
            where = f"parallelization/parallel_groups/{n}/tasks"
            if task_id not in network.needs:
                yield Problem(where, f"{task_id} is not a task of this plan")
            elif reached := set(group["tasks"]) & network.after(task_id):
                yield Problem(
                    where, f"{task_id} leads to {', '.join(sorted(reached))}: they cannot run in parallel"
                )


def _strategy(body: Mapping[str, Any]) -> Iterable[Problem]:
    if body["strategy"] == "diamond":
        if not body["parallelization"]["parallel_groups"]:
            yield Problem("strategy", "a diamond needs tasks that run in parallel")
        if not any(stage["merge_gate"] for stage in body["stages"]):
            yield Problem("strategy", "a diamond needs a stage that is a merge gate")
    if len(body["escalation_ladder"]) < LOWEST_LADDER:
        yield Problem("escalation_ladder", "the ladder has fewer than three rungs")
