"""The one door to a state: what a table may say, what is refused with nothing written, what is written."""

from datetime import UTC, datetime

import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.errors import (
    GtmError,
    GuardNotMet,
    InvalidInput,
    NotPermitted,
    Problem,
    StaleVersion,
    WrongState,
)
from gtm.core.evidence import changelog, refusals
from gtm.core.fsm import (
    Change,
    Machine,
    Transition,
    actions,
    machine_for,
    machine_of,
    machines,
    nobody,
    perform,
    system_only,
    to,
)
from gtm.core.governed import open_door
from programs.models import Person, Program, Role
from tests.factories import ProgramFactory, UserFactory

NOON, ONE = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC)
STATES = ("draft", "open", "closed", "lost and found")
PEOPLE, ENGINE = "People do this.", "The engine."


def people(actor, obj, params):
    return PEOPLE if actor.is_system else None


def is_named(obj, params):
    return None if obj.name == "Named" else "It has no name."


def is_asked(obj, params):
    return None if params.get("asked") else "Nobody asked."


def wherever(obj, params):
    return params["where"]


def overtaken(obj, params):
    """Somebody else is quicker, after the row was read and before it is swapped."""
    with open_door():
        Program._base_manager.filter(pk=obj.pk).update(version=obj.version + 1)


def fails(obj, change):
    raise RuntimeError("an effect failed")


def answer_by_renaming(obj, change):
    obj.name = f"{change.transition} from {change.source} to {change.target}"
    obj.save()


TABLE = (
    to("open", "draft", "open", permission=people, label="Open it", writes="name country"),
    to("look_again", ["open", "lost and found"], "open", permission=people, guards=(is_named, is_asked)),
    to("close", "open draft", "closed", permission=people, comment_required=True, guards=(is_named,)),
    to("tick", "draft", "open", permission=system_only),
    to("wish", "draft", "open"),
    to("lead", "draft", wherever, permission=people),
    to("lose_a_race", "draft", "open", permission=people, guards=(overtaken,)),
    to("stumble", "draft", "open", permission=people, effects=(fails,)),
    to("rename", "draft", "open", permission=people, effects=(answer_by_renaming,)),
)


@pytest.fixture(autouse=True)
def table():
    """A table of our own for programs; theirs is put back."""
    theirs = machine_of(Program)
    yield Machine(Program, STATES, TABLE)
    Machine(theirs.model, theirs.states, theirs.transitions, theirs.final)


@pytest.fixture
def ada(db):
    return Actor.of_user(UserFactory(username="ada"), ADMIN)


@pytest.fixture
def program(ada):
    """A draft of version 1, made at noon. It is one o'clock, and Ada acts."""
    with standing_at(NOON), acting_as(Actor.system("Test")):
        made = ProgramFactory(name="Draft")
    with standing_at(ONE), acting_as(ada, "Because."):
        yield made


def stored(program):
    return Program._base_manager.filter(pk=program.pk).values().get()


def rows():
    return list(changelog.rows("installation"))


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize("row", [to("go", "draft", "nowhere"), to("go", "nowhere draft", "open")])
def test_a_table_names_only_states_there_are(row):
    with pytest.raises(ValueError, match=r"^Program\.go names unknown states \['nowhere'\]$"):
        Machine(Program, STATES, (row,))


def test_a_table_has_each_action_once():
    with pytest.raises(ValueError, match="^Program has two transitions of one name$"):
        Machine(Program, STATES, (to("go", "draft", "open"), to("go", "open", "closed")))


def test_the_shorthand_reads_words_and_takes_sets_as_they_are():
    written = to("go_on", "draft open", "closed", writes="name country")
    assert written == to("go_on", {"open", "draft"}, "closed", writes=frozenset({"country", "name"}))
    assert written == Transition(
        "go_on", frozenset({"draft", "open"}), "closed", writes=frozenset({"name", "country"})
    )
    assert to("go_on", "draft", "closed").writes == frozenset()


def test_a_title_is_the_label_or_the_name_in_words():
    assert [to("go_on", "draft", "open", label=label).title for label in ("Go!", "")] == ["Go!", "Go on"]


def test_a_machine_is_found_by_its_model_and_by_an_object(table):
    assert (machine_of(Program), machine_of(Program()), machine_for(Program)) == (table,) * 3
    assert (table in machines(), machine_for(Role), table.final) == (True, None, frozenset())


# ------------------------------------------------------------------ what is written


def test_a_transition_writes_state_version_time_and_the_declared_fields_at_once(program):
    before = stored(program)
    answered = perform(program, "open", set_fields={"name": "Spring", "country": "DE"})
    written = {"state": "open", "version": 2, "updated_at": ONE, "name": "Spring", "country": "DE"}
    assert stored(program) == before | written
    assert answered is program
    assert {name: getattr(program, name) for name in written} == written


@pytest.mark.parametrize(("comment", "reason"), [("It is time.", "It is time."), ("", "Because.")])
def test_history_and_log_say_who_what_and_why(program, ada, comment, reason):
    perform(program, "open", comment=comment, set_fields={"name": "Spring"})
    version, row = program.history.first(), rows()[-1]
    assert (version.state, version.name, version.version, version.history_type) == ("open", "Spring", 2, "~")
    assert (version.history_change_reason, version.history_date) == (reason, ONE)
    assert version.history_user == ada.user
    assert [row[key] for key in ("entity", "event", "field", "from", "to", "reason", "actor")] == [
        "programs.program", "open", "state", "draft", "open", reason, "ada",
    ]  # fmt: skip
    assert (program.history.count(), len(rows())) == (2, 2)


def test_a_target_may_depend_on_what_is_asked(program):
    assert perform(program, "lead", where="lost and found").state == "lost and found"


def test_effects_are_told_what_happened_and_act_as_the_engine_for_the_person(program):
    perform(program, "rename", comment="It is time.", asked=True)
    last = rows()[-1]
    assert (stored(program)["name"], stored(program)["version"]) == ("rename from draft to open", 3)
    assert (last["event"], last["actor"], last["on_behalf_of"]) == ("changed", "Engine", "ada")


def test_an_effect_is_told_in_one_frozen_record(program, table):
    told = []
    noted = to("note", "draft", "open", permission=people, effects=(lambda obj, change: told.append(change),))
    Machine(Program, STATES, (noted,))
    perform(program, "note", comment="It is time.", asked=True)
    assert told == [Change("note", "draft", "open", "It is time.", {"asked": True})]


def test_an_object_read_long_ago_acts_on_what_is_stored_now(program):
    earlier = Program.objects.get(pk=program.pk)
    perform(program, "open", set_fields={"name": "Named"})
    assert perform(earlier, "close", comment="Over.").version == 3


# ------------------------------------------------------------------ what is refused


def refusal(program, name, **given):
    """The error, and whether nothing changed: neither the row nor its history nor the log."""
    before = stored(program), program.history.count(), rows()
    with pytest.raises((GtmError, ValueError, RuntimeError)) as refused:
        perform(program, name, **given)
    assert (stored(program), program.history.count(), rows()) == before
    return refused.value


def test_an_action_nobody_knows_is_refused_with_those_there_are(program):
    error = refusal(program, "fly")
    assert (type(error), error.detail) == (InvalidInput, "A program has no action “fly”.")
    assert error.problems == (Problem("action", "“fly” is unknown.", tuple(row.name for row in TABLE)),)


def test_a_field_that_is_not_declared_is_not_written(program):
    error = refusal(program, "open", set_fields={"name": "Spring", "region": "EU"})
    assert (type(error), str(error)) == (ValueError, "open may not write ['region']")


def test_a_wrong_state_says_which_would_be_right_and_what_is_possible(program):
    error = refusal(program, "look_again", expected_version=1)
    assert (type(error), error.detail) == (
        WrongState,
        "Look again of program Draft: it is draft. This is possible only from lost and found, open.",
    )
    possible = ("open", "close", "tick", "wish", "lead", "lose_a_race", "stumble", "rename")
    assert error.params == {"state": "draft", "possible": possible}


def test_who_may_not_is_told_why(program):
    error = refusal(program, "tick")
    assert (type(error), error.params) == (NotPermitted, {"state": "draft"})
    assert error.detail == "Tick of program Draft: Only the engine does this, when its conditions are met."


def test_nobody_may_what_names_nobody(program):
    error = refusal(program, "wish")
    assert (type(error), error.detail) == (
        NotPermitted,
        "Wish of program Draft: No role is allowed to do this.",
    )


def test_the_engine_may_what_is_the_engines(program):
    with acting_as(Actor.system("Engine")):
        assert perform(program, "tick").state == "open"


def test_every_guard_that_is_not_met_is_told(program):
    perform(program, "open")
    error = refusal(program, "look_again")
    assert (type(error), error.detail) == (
        GuardNotMet,
        "Look again of program Draft: It has no name. Nobody asked.",
    )
    assert error.problems == (
        Problem("look_again", "It has no name."),
        Problem("look_again", "Nobody asked."),
    )


@pytest.mark.parametrize("comment", ["", "  \n"])
def test_a_required_comment_says_something(program, comment):
    error = refusal(program, "close", comment=comment)
    assert [problem.message for problem in error.problems] == [
        "It has no name.",
        "Say why: a comment is required.",
    ]


def test_an_earlier_version_is_refused_before_all_else(program):
    error = refusal(program, "look_again", expected_version=2)
    assert (type(error), error.detail, error.hint) == (
        StaleVersion,
        "program Draft is at version 1, but you acted on version 2.",
        "Look at the new version, then decide.",
    )
    assert perform(program, "open", expected_version=1).version == 2


def test_a_target_that_is_no_state_is_refused(program):
    error = refusal(program, "lead", where="nowhere")
    assert (type(error), str(error)) == (ValueError, "lead led to unknown state nowhere")


def test_who_loses_the_swap_changes_nothing(program):
    error = refusal(program, "lose_a_race")
    assert (type(error), error.detail) == (
        StaleVersion,
        "program Draft was changed by somebody else at the same moment.",
    )


def test_what_an_effect_cannot_do_undoes_the_transition(program):
    assert str(refusal(program, "stumble")) == "an effect failed"


def test_who_may_not_and_when_it_is_too_late_is_put_on_record(program):
    with refusals.on_record():
        errors = [
            refusal(program, "tick"),
            refusal(program, "look_again"),
            refusal(program, "close"),
            refusal(program, "look_again", expected_version=9),
        ]
    recorded = [(row["event"], row["to"], row["reason"], row["actor"]) for row in rows()[1:]]
    assert recorded == [
        ("refused", "tick", errors[0].detail, "ada"),
        ("refused", "look_again", errors[1].detail, "ada"),
    ]


# ------------------------------------------------------------------ what an interface offers


def test_people_are_offered_what_starts_here_each_with_every_reason_against_it(program, ada):
    offered = {action.name: action for action in actions(program, ada)}
    assert list(offered) == ["open", "close", "wish", "lead", "lose_a_race", "stumble", "rename"]
    assert (offered["open"].title, offered["open"].allowed, offered["open"].reasons) == ("Open it", True, ())
    assert (offered["close"].allowed, offered["close"].reasons) == (False, ("It has no name.",))
    assert (offered["close"].comment_required, offered["open"].comment_required) == (True, False)
    assert offered["wish"].reasons == (nobody(ada, program, {}),)


def test_who_may_not_is_told_that_and_no_conditions(program):
    told = {action.name: action.reasons for action in actions(program, Actor.system("Engine"))}
    assert told["close"] == (PEOPLE,)


def test_conditions_are_looked_at_with_what_is_asked(program, ada):
    perform(program, "open", set_fields={"name": "Named"})
    (asked,) = (a for a in actions(program, ada, asked=True) if a.name == "look_again")
    (silent,) = (a for a in actions(program, ada) if a.name == "look_again")
    assert (asked.reasons, silent.reasons) == ((), ("Nobody asked.",))


def test_an_object_without_a_machine_has_no_actions():
    with pytest.raises(KeyError):
        machine_of(Person)
