"""The rules of a plan, read from its snapshot: what it writes comes back, and what is broken is named."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from gtm.core import canonical
from plans.runs import registry
from plans.runs.draft import snapshot
from plans.schemas.rules import BrokenSnapshot, gate_rules, plan_rules, rungs, seats
from tests.factories import DECLARATION, LADDER, gate

ROOT = Path(__file__).parents[3]


@pytest.mark.django_db
@pytest.mark.parametrize("command", registry.all_commands(), ids=lambda command: command.name)
def test_what_a_snapshot_writes_is_read_back_in_full(command):
    stored = snapshot(command)
    rules = plan_rules(stored)
    read = canonical.plain({f.name: getattr(rules, f.name) for f in fields(rules) if f.name != "stored"})
    for part in [*read["gates"], *read["ladder"], *read["triggers"]]:
        del part["stored"]
    for rung in read["ladder"]:
        assert rung.pop("rota") is None  # no command declares one, and what there is not is not stored
    assert read == {name: stored[name] for name in read}
    assert set(stored) - set(read) == {"title", "summary"}


def test_what_is_stored_as_it_was_is_kept_beside_the_typed_parts():
    told = gate(note="of a later version")
    rules = plan_rules(DECLARATION | {"gates": [told]})
    assert rules.gate("sign-off").stored is told
    assert rules.sealed == {
        "gates": [told], "ladder": LADDER, "ladder_repeats": None, "triggers": [], "max_retries": 2,
    }  # fmt: skip


def test_what_an_older_snapshot_does_not_say_takes_the_value_that_held_then():
    rules = plan_rules(DECLARATION | {"triggers": [{"signal": "roi", "title": "ROI"}]})
    assert (rules.ladder_repeats, rules.ladder_version, rules.reads, rules.due_hours) == (0, 0, {}, {})
    found = rules.trigger("roi")
    assert (found.breaches, found.of, found.clear_after, found.metric_version, found.missing_after) == (
        2, 0, 1, 1, 2,
    )  # fmt: skip


BAD_SEAT = {"role": "finance", "minimum": "two", "condition": None, "why": ""}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        (None, "declaration"),
        ({}, "declaration.version"),
        (DECLARATION | {"gates": {}}, "declaration.gates"),
        (DECLARATION | {"gates": [gate(), gate(BAD_SEAT)]}, "declaration.gates.1.seats.0.minimum"),
        (DECLARATION | {"gates": [gate(reauthenticate="no")]}, "declaration.gates.0.reauthenticate"),
        (
            DECLARATION | {"gates": [gate(tolerances={"budget": "5 %"})]},
            "declaration.gates.0.tolerances.budget",
        ),
        (DECLARATION | {"ladder": [LADDER[0] | {"hours": True}]}, "declaration.ladder.0.hours"),
        (DECLARATION | {"ladder": [{"rung": 1, "hours": 8}]}, "declaration.ladder.0.roles"),
        (DECLARATION | {"reads": {"work": "budget"}}, "declaration.reads.work"),
        (DECLARATION | {"triggers": [7]}, "declaration.triggers.0"),
    ],
)
def test_a_broken_snapshot_is_named_by_its_path(broken, path):
    with pytest.raises(BrokenSnapshot) as refused:
        plan_rules(broken)
    (problem,) = refused.value.problems
    assert problem.field == path
    assert path in refused.value.detail


def test_a_gate_that_a_plan_has_no_rules_for_is_named():
    with pytest.raises(BrokenSnapshot, match="“legal”"):
        plan_rules(DECLARATION | {"gates": [gate()]}).gate("legal")


def test_rounds_cases_and_proposals_are_read_by_the_same_reader():
    found = gate_rules(gate(fallbacks={"finance": "deputies"}))
    assert (found.seats[0].role, found.fallbacks, found.policy_version) == (
        "finance",
        {"finance": "deputies"},
        0,
    )
    assert [(r.rung, r.gives_authority, r.takes_authority) for r in rungs(LADDER)] == [
        (1, False, False), (2, False, False), (3, True, False),
    ]  # fmt: skip
    with pytest.raises(BrokenSnapshot, match="seats.0.role"):
        seats([{"minimum": 1}])


# ------------------------------------------------------------------ nobody else reads it

STORED = {"declaration", "policy", "ladder"}


def _reads_past_the_rules(tree):
    """Lines that take a value out of a snapshot by its key."""
    for node in ast.walk(tree):
        inner = getattr(node, "value", None)
        is_inside = isinstance(node, ast.Subscript | ast.Attribute)
        if is_inside and isinstance(inner, ast.Attribute) and inner.attr in STORED:
            yield node.lineno


def test_nobody_takes_a_rule_out_of_a_snapshot_by_its_key():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for top in ("plans", "programs", "gtm", "benchmarks")
        for path in sorted((ROOT / top).rglob("*.py"))
        for line in _reads_past_the_rules(ast.parse(path.read_text()))
    ]
    assert found == []


def test_the_check_would_see_one():
    tree = ast.parse("plan.declaration['gates']\nround_.policy.get('hours')\nplan.rules.gates")
    assert [*_reads_past_the_rules(tree)] == [1, 2]


def test_only_the_door_of_rules_and_the_refit_name_the_declaration_of_a_plan():
    named = {
        str(path.relative_to(ROOT))
        for top in ("plans", "programs", "gtm", "benchmarks")
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "declaration"
    }
    assert named == {"plans/runs/refit.py"}
