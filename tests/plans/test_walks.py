"""The thirteen walks to an approval by the wrong person: each is a test, and runs on both databases."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADMIN, ENGINE, COMMANDS = "tests/plans/admin", "tests/plans/engine", "tests/plans/commands"
TWO, AUTHORITY = f"{ADMIN}/test_two_people.py", f"{ADMIN}/test_authority.py"
EVERY_DOOR = (TWO, "test_authority_waits_for_a_second_person")
"""Through each door that offers it; which doors there are the matrix of authority counts."""
WALKS = {
    "the requester arranges the substitutes of both approvers": (
        EVERY_DOOR,
        (AUTHORITY, "test_absences_that_the_requester_entered_do_not_count_at_the_gates"),
        (f"{ENGINE}/gates/test_eligibility.py", "test_a_substitute_needs_the_role_and_decides"),
    ),
    "a steward raises a limit and takes a role in an open round": (
        EVERY_DOOR,
        (AUTHORITY, "test_a_limit_and_a_role_given_while_a_round_is_open_count_in_the_next"),
    ),
    "an executive names herself legal": (
        (AUTHORITY, "test_an_executive_does_not_name_herself_legal_by_rest"),
        (AUTHORITY, "test_an_executive_does_not_name_herself_legal_on_a_page"),
        (AUTHORITY, "test_an_executive_does_not_name_herself_legal_by_a_file"),
        (AUTHORITY, "test_an_executive_does_not_bring_back_what_she_may_no_longer_do"),
    ),
    "one contact signs for both partners": (
        EVERY_DOOR,
        ("tests/plans/cases/disputes/test_disputes_verbs.py", "test_whoever_signed_for_one_partner_does_not"),
    ),
    "a task is waived, completed or passed around by who must not": (
        (AUTHORITY, "test_the_requester_waives_no_task_of_the_run"),
        (AUTHORITY, "test_whose_role_has_ended_completes_none_of_its_tasks"),
        (AUTHORITY, "test_who_owned_a_guarded_task_before_the_round_does_not_decide_in_it"),
        (AUTHORITY, "test_who_decided_at_a_gate_does_not_take_over_a_task_that_it_guards"),
    ),
    "the program moves to another region": (
        (TWO, "test_facts_that_gates_look_at_wait_while_plans_run"),
        (AUTHORITY, "test_a_program_that_moves_to_another_region_does_not_move_its_open_rounds"),
    ),
    "an account is closed": (
        (AUTHORITY, "test_nobody_with_a_closed_account_is_counted_on_when_a_plan_starts"),
        (f"{ENGINE}/gates/test_rounds.py", "test_a_round_whose_only_person_lost_the_account_is_nobodys"),
    ),
    "a superuser sets the password of finance": (
        EVERY_DOOR,
        (TWO, "test_whose_password_another_set_decides_nothing_until_they_set_their_own"),
        (TWO, "test_a_password_of_the_command_line_is_known_to_whoever_set_it"),
    ),
    "a tier that a plan published is changed": (
        (TWO, "test_what_a_plan_published_waits_and_is_marked"),
        ("tests/programs/test_published.py", "test_a_departure_by_two_people_is_marked"),
    ),
    "one person ends a stop on the page of the program": (
        (f"{ADMIN}/test_governance_pages.py", "test_hold_on_a_programs_page_stops_its_plans_and_two_people"),
        ("tests/plans/management/test_commands.py", "test_a_program_is_stopped_and_ended_by_two_people"),
    ),
    "nobody starts a plan": (("tests/plans/management/test_commands.py", "test_nobody_starts_nothing"),),
    "a shorter period asks for fewer signatures": (
        (f"{COMMANDS}/plan_loyalty/test_signals.py", "test_a_pool_is_signed_as_what_it_is_a_year"),
    ),
    "a launch whose people did their own tasks has nobody to decide": (
        (f"{COMMANDS}/launch_program/test_program.py", "test_the_people_whom_the_checklist_names_bring"),
    ),
}


@pytest.fixture(scope="module")
def on_postgres():
    """What the lane of PostgreSQL runs: files, folders, and single tests."""
    command = ["make", "--dry-run", "--always-make", "test-postgres"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?<![\w/])tests/[\w/]+(?:\.py(?:::\w+)?)?", told))


def test_there_are_thirteen():
    assert len(WALKS) == 13


@pytest.mark.parametrize("walk", WALKS)
def test_each_walk_is_a_test_that_runs_on_both_databases(walk, on_postgres):
    for file, name in WALKS[walk]:
        (found,) = re.findall(rf"^def ({name}\w*)\(", (ROOT / file).read_text(), re.MULTILINE)
        whole = [str(parent) for parent in (Path(file), *Path(file).parents)]
        assert on_postgres & {*whole, f"{file}::{found}"}, f"{file}::{found} does not run on PostgreSQL"
