"""What the registry refuses in a declaration, each with its path and its reason."""

from dataclasses import replace

import pytest

from plans.models import LADDER, MOST_RUNGS
from plans.runs import registry
from plans.schemas.declaration import Gate, Seat, Stage, Step

SOMETIMES = {"field": "amount", "over": "100", "currency": "USD"}
NO_SILENCE = "must contain one that is always asked; otherwise silence would approve."


def told(command):
    return [(fault.field, fault.message) for fault in registry.faults(command)]


def signed(command, *seats, key="sign-off"):
    """The command with a gate of these seats at its end."""
    gate = Gate(key=key, title="Sign-off", question="Go?", seats=seats)
    step = Step("9.1", key, "Sign-off", "finance", "Somebody signs.", gate=gate)
    return replace(command, stages=(*command.stages, Stage("9", "Sign", "sequential", (step,))))


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        (2, [("ladder", "a ladder needs three rungs, but this one has 2")]),
        (3, []),
        (MOST_RUNGS, []),
        (
            MOST_RUNGS + 1,
            [("ladder", f"a ladder has at most {MOST_RUNGS} rungs, but this one has {MOST_RUNGS + 1}")],
        ),
    ],
)
def test_a_ladder_has_three_to_nine_rungs(watch_command, rungs, expected):
    assert told(replace(watch_command, ladder=(watch_command.ladder[0],) * rungs)) == expected


def test_no_gate_is_called_as_policies_call_the_ladder(watch_command):
    assert told(signed(watch_command, Seat("finance"), key=LADDER)) == [
        ("stages.1.steps.0.gate.key", "gate ladder has the name by which policies call the ladder")
    ]


@pytest.mark.parametrize(
    ("seats", "expected"),
    [
        ((Seat("finance"), Seat("legal", condition=SOMETIMES)), []),
        ((Seat("finance", condition=SOMETIMES),), [NO_SILENCE]),
        ((Seat("finance", condition=SOMETIMES), Seat("legal", condition=SOMETIMES)), [NO_SILENCE]),
        ((), ["gate sign-off has no seats"]),
    ],
)
def test_a_gate_asks_somebody_in_every_run(watch_command, seats, expected):
    assert told(signed(watch_command, *seats)) == [
        ("stages.1.steps.0.gate.seats", message) for message in expected
    ]


def test_a_command_has_a_review_checklist(watch_command):
    assert told(replace(watch_command, checklist=())) == [
        (
            "checklist",
            "is empty, but every run needs a review; plans.runs.checklist.STANDARD is the common one.",
        )
    ]


def test_a_command_left_without_an_objective_is_refused_and_not_a_crash(watch_command):
    given = {name: getattr(watch_command, name) for name in watch_command.__dataclass_fields__}
    del given["objective"]
    for command in (type(watch_command)(**given), replace(watch_command, objective=None)):
        assert told(command) == [
            (
                "objective",
                "is missing; it makes the sentence at the top of a plan from its inputs and its program.",
            )
        ]


@pytest.mark.parametrize("field", ["plugin", "name"])
@pytest.mark.parametrize("value", ["", "Two Words", "a:b", "a/b", "a" * 81])
def test_a_name_can_stand_in_a_usage_line_and_in_an_address(watch_command, field, value):
    assert [path for path, _ in told(replace(watch_command, **{field: value}))] == [field]


def test_everything_wrong_is_said_at_once_each_by_its_path(watch_command):
    bad = replace(
        signed(watch_command, Seat("finance", condition=SOMETIMES)),
        ladder=watch_command.ladder[:2], checklist=(), objective=None, amount_input="money",
    )  # fmt: skip
    with pytest.raises(registry.BadDeclaration) as refused:
        registry.register(bad)
    paths = [problem.field for problem in refused.value.problems]
    assert sorted(paths) == [
        "amount_input", "checklist", "ladder", "name", "objective", "stages.1.steps.0.gate.seats",
    ]  # fmt: skip
    assert str(refused.value).startswith("/test:monitor-test: ")
    assert all(f"{p.field}: {p.message}" in str(refused.value) for p in refused.value.problems)
