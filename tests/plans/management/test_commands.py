"""The command line: lines as the documents write them, exit codes, messages, who acts."""

import getpass
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import audit
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.demo.organisation import PASSWORD
from plans.engine.gates import rework
from plans.models import Decision, Plan
from programs.models import Person
from tests.doors import USAGE, manage, start, stored, user
from tests.factories import gate, make_plan, make_task, round_of, seat

ROOT = Path(__file__).parents[3]
BAD_LINES = {
    "empty": ("", "usage: is required"),
    "no slash": ("plan-loyalty --goal retention", "A usage line starts with /plugin:command"),
    "unknown command": (USAGE.replace("plan-loyalty ", "plan-loyality "), "plan-loyalty"),
    "unknown plugin": (USAGE.replace("/loyalty-lifecycle-orchestration", "/loyalty"), "There is no command"),
    "open quote": (f'{USAGE} --personas "vip', "a quotation mark is opened and not closed"),
    "unknown option": (f"{USAGE} --personna vip", "Did you mean “personas”?"),
    "no value": (USAGE.replace("50000", ""), "budget: has no value"),
    "given twice": (f"{USAGE} --tiers 4", "tiers: is given twice"),
    "belongs to no option": (f"{USAGE} please", "“please” belongs to no option"),
    "wrong choice": (USAGE.replace("retention", "retenton"), "Did you mean “retention”?"),
    "out of range": (USAGE.replace("--tiers 3", "--tiers 99"), "tiers: 99 is out of range"),
    "negative money": (USAGE.replace("50000", "-50000"), "budget: -50000 is not a positive amount"),
    "other currency": (USAGE.replace("50000", "EUR50000"), "the program runs in USD"),
    "everything missing": ("/loyalty-lifecycle-orchestration:plan-loyalty", "goal: is required"),
}


@pytest.mark.parametrize(("line", "words"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_exits_2_says_what_to_do_and_stores_nothing(site, settings, line, words):
    before = stored(settings.GTM_DATA_DIR)
    code, said = manage("gtm", line, "--as", "ops")
    assert code == 2
    assert words in said
    assert stored(settings.GTM_DATA_DIR) == before


def test_all_problems_of_a_line_are_named_at_once(site):
    line = "/loyalty-lifecycle-orchestration:plan-loyalty --goal x --tiers 99 --budget -1 --gaol y"
    _, said = manage("gtm", line, "--program", "nope", "--as", "ops")
    for field in ("program:", "goal:", "tiers:", "budget:", "gaol:"):
        assert field in said


def test_the_seeds_line_starts_a_plan_and_prints_it_as_json(site):
    code, said = manage("gtm", USAGE, "--as", "ops", "--json")
    assert code == 0
    assert json.loads(said)["plan_id"] == Plan.objects.get().plan_id


def test_a_program_is_chosen_by_name(site):
    assert manage("gtm", USAGE, "--as", "ops", "--program", "cdnow")[0] == 0
    code, said = manage("gtm", USAGE, "--as", "ops", "--program", "customer-advocates")
    assert (code, "Allowed: cdnow" in said) == (2, True)


def test_a_dry_run_shows_plan_and_checklist_and_stores_nothing(site, settings):
    before = stored(settings.GTM_DATA_DIR)
    code, said = manage("gtm", USAGE, "--as", "ops", "--dry-run")
    assert code == 0
    assert "Review checklist" in said
    assert said.endswith("Nothing was stored.\n")
    _, document = manage("gtm", USAGE, "--as", "ops", "--dry-run", "--json")
    assert len(json.loads(document)["stages"]) == 5
    assert stored(settings.GTM_DATA_DIR) == before
    assert not settings.GTM_PLANS_DIR.exists()


def test_it_takes_the_permission_to_start(site):
    code, said = manage("gtm", USAGE, "--as", "legal")
    assert (code, Plan.objects.count()) == (1, 0)
    assert "permission to operate plans" in said


def test_the_row_of_a_refused_start_tells_of_no_other_plan(site):
    manage("gtm", USAGE, "--as", "legal")
    refused = ChangeLogEntry.objects.get(entity="plans.plan", event="refused")
    assert manage("gtm", USAGE, "--as", "ops")[0] == 0
    plan = Plan.objects.get()
    assert (refused.entity_id, refused.chain != plan.change_chain()) == ("0", True)
    assert audit.audit_values().breaks == ()


def test_nobody_starts_nothing(site):
    code, said = manage("gtm", USAGE)
    assert (code, Plan.objects.count()) == (2, 0)
    assert "A plan needs somebody who asks for it" in said and "--as" in said


def test_an_account_of_nobody_starts_nothing(site):
    """Nobody would be known to have asked, and so nobody kept from deciding."""
    code, said = manage("gtm", USAGE, "--as", "admin")
    assert (code, Plan.objects.count()) == (1, 0)
    assert "The account Site Admin belongs to nobody in the directory" in said


def test_the_list_names_inputs_choices_and_defaults(site):
    code, said = manage("gtm", "--list")
    assert (code, USAGE in said) == (0, True)
    assert "--goal  What the program is for (retention | expansion | engagement | advocacy), required" in said


def test_plans_are_listed_by_state_and_an_unknown_state_names_the_nearest(plan):
    assert plan.plan_id in manage("plans", "--status", "running")[1]
    assert manage("plans", "--status", "failed") == (0, "")
    code, said = manage("plans", "--status", "runing")
    assert (code, "Did you mean “running”?" in said) == (2, True)


def test_the_inbox_shows_what_waits_for_whom(plan):
    assert f"approval {round_of(plan).pk}  {plan.plan_id}" in manage("inbox", "--as", "finance")[1]
    with acting_as(Actor.system("Test")):
        fiona = Person.objects.get(accounts__username="finance")
        fiona.time_zone = "Asia/Tokyo"
        fiona.save()
    shown = manage("inbox", "--as", "finance")[1]
    assert "Asia/Tokyo" in shown and "UTC" not in shown
    assert manage("inbox", "--as", "analyst") == (0, "Nothing waits for you.\n")
    assert manage("inbox")[0] == 2
    assert manage("inbox", "--as", "nobody")[0] == 2


def test_where_impersonation_is_allowed_the_decision_says_so(plan):
    code, said = manage(
        "decide", f"{plan.plan_id}/sign-off", "approve", "--as", "finance", "--comment", "Fine."
    )
    assert (code, said) == (0, "Sign-off: Approved\n")
    evidence = Decision.objects.get().evidence
    assert evidence["authentication"] == "impersonation"
    assert getpass.getuser() in evidence["by"]


def test_a_person_completes_a_task_of_theirs_with_evidence(site):
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance"), reauthenticate=False), owner=user("ops").people.get())
    manage("decide", f"{plan.plan_id}/sign-off", "approve", "--as", "finance", "--comment", "Fine.")
    task = plan.tasks.get(key="publish")
    assert f"task {task.pk}" in manage("inbox", "--as", "ops")[1]
    code, said = manage("complete", f"{plan.plan_id}/9", "--as", "ops", "--evidence", "Seen on the page")
    assert (code, said.strip()) == (0, "9 publish: Succeeded")
    task.refresh_from_db()
    assert task.output == {"evidence": {"note": "Seen on the page"}}
    assert manage("complete", "plan-0/1.1", "--as", "ops")[0] != 0


def test_a_completion_without_the_evidence_that_is_asked_for_is_refused(site):
    with acting_as(Actor.system("Test")):
        plan = make_plan(evidence={"20": "The list of calls"})
        make_task(plan, 20, "check", "human")
        rework.change(plan, comment="A check beside it.")
    code, said = manage("complete", f"{plan.plan_id}/20", "--as", "ops")
    assert (code, "asks for evidence: the list of calls" in said) == (1, True)
    assert manage("complete", f"{plan.plan_id}/20", "--as", "ops", "--evidence", "calls.xlsx")[0] == 0


def test_a_completion_is_undone_and_reopened_at_the_command_line(site):
    with acting_as(Actor.system("Test")):
        plan = make_plan()
        make_task(plan, 20, "check", "human")
        rework.change(plan, comment="A check beside it.")
    manage("complete", f"{plan.plan_id}/20", "--as", "ops")
    assert manage("complete", f"{plan.plan_id}/20", "--as", "ops", "--undo") == (0, "20 check: Ready\n")
    manage("complete", f"{plan.plan_id}/20", "--as", "ops")
    code, said = manage("complete", f"{plan.plan_id}/20", "--as", "ops", "--reopen", "")
    assert (code, "Say why" in said) == (1, True)
    told = manage("complete", f"{plan.plan_id}/20", "--as", "ops", "--reopen", "The wrong list.")
    assert told == (0, "20 check: Ready\n")


@pytest.mark.parametrize(("typed", "code", "decided"), [(PASSWORD, 0, ["password"]), ("wrong", 1, [])])
def test_elsewhere_the_person_gives_the_password(plan, settings, monkeypatch, typed, code, decided):
    settings.GTM_ALLOW_IMPERSONATION = False
    monkeypatch.setattr(getpass, "getpass", lambda prompt: typed)
    assert manage("decide", str(round_of(plan).pk), "approve", "--as", "finance")[0] == code
    assert [d.evidence["authentication"] for d in Decision.objects.all()] == decided


def test_somebody_elses_password_decides_nothing_in_their_name_or_mine(plan, settings, monkeypatch):
    settings.GTM_ALLOW_IMPERSONATION = False
    own = user("legal")
    own.set_password("the password of legal")
    with acting_as(Actor.of_user(own, "admin")):
        own.save()
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "the password of legal")
    code, said = manage("decide", str(round_of(plan).pk), "approve", "--as", "finance")
    assert (code, "The password is wrong" in said, Decision.objects.count()) == (1, True, 0)
    code, said = manage("decide", str(round_of(plan).pk), "approve", "--as", "legal")
    assert (code, "holds none of the roles" in said, Decision.objects.count()) == (1, True, 0)


def test_without_a_terminal_nobody_is_asked_and_nothing_decided(plan, settings, monkeypatch):
    settings.GTM_ALLOW_IMPERSONATION = False
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)
    code, said = manage("decide", str(round_of(plan).pk), "approve", "--as", "finance")
    assert (code, Decision.objects.count()) == (1, 0)
    assert "no terminal" in said


@pytest.mark.parametrize(
    ("who", "decision", "comment", "words"),
    [
        ("legal", "approve", "x", "holds none of the roles"),
        ("ops", "approve", "x", "holds none of the roles"),
        ("finance", "reject", "", "a reason is required"),
    ],
)
def test_a_refused_decision_exits_1_with_the_rule(plan, who, decision, comment, words):
    code, said = manage("decide", str(round_of(plan).pk), decision, "--as", who, "--comment", comment)
    assert (code, round_of(plan).state) == (1, "pending")
    assert words in said


def test_an_approval_is_named_by_its_task_as_progress_shows_it(plan):
    task = round_of(plan).task.task_id
    assert (
        manage("decide", f"{plan.plan_id}/{task}", "approve", "--as", "finance", "--comment", "Fine.")[0] == 0
    )
    assert Decision.objects.get().approval == round_of(plan)


def test_a_reader_that_has_gone_gets_no_traceback():
    """As in ``manage.py plans | head -1``."""
    reads, writes = os.pipe()
    os.close(reads)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "plan_schema"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=writes, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_an_approval_that_is_not_there_exits_2(site):
    assert manage("decide", "999999", "approve", "--as", "finance")[0] == 2


def test_stop_and_the_way_back_take_one_and_two_people(plan):
    stop = ("ripcord", plan.plan_id, "--reason", "Fraud.")
    back = ("resume", plan.plan_id, "--remediation", "Fixed.")
    assert manage(*stop, "--as", "analyst")[0] == 1
    assert manage(*stop, "--as", "ops") == (0, f"{plan.plan_id} is held. Two people must release it.\n")
    assert manage(*back, "--as", "exec")[1].endswith("One more person has to agree.\n")
    assert manage(*back, "--as", "exec")[0] == 1
    assert manage(*back, "--as", "deputy") == (0, f"{plan.plan_id} is running.\n")
    assert manage("ripcord", "nope", "--reason", "x", "--as", "ops")[0] == 2


def test_a_program_is_stopped_and_ended_by_two_people(plan):
    slug = plan.program.slug
    stop = ("ripcord", "--program", slug, "--reason", "Fraud.", "--as", "ops")
    end = ("abort", "--program", slug, "--reason", "Over.")
    said = f"The rip-cord on {plan.program} is pulled."
    assert manage(*stop) == (0, f"{said} Two people must release it.\n")
    assert manage(*end, "--as", "exec") == (0, f"{said} One more person has to agree.\n")
    assert manage(*end, "--as", "deputy") == (0, f"The rip-cord on {plan.program} is aborted.\n")
    plan.refresh_from_db()
    assert plan.state == "aborted"


@pytest.mark.parametrize("what", [(), ("--program", "nope"), ("--program", "cdnow", "--installation")])
def test_a_stop_of_nothing_or_of_two_things_is_bad_input(site, what):
    assert manage("ripcord", *what, "--reason", "Fraud.", "--as", "ops")[0] == 2


def test_a_request_for_changes_is_answered_with_validated_inputs(site):
    run = start()
    with acting_as(Actor.system("Test")):
        perform(run, "request_changes", comment="Cheaper.")
    answer = ("revise", run.plan_id, "--as", "ops", "--comment", "Done.")
    code, said = manage(*answer, "--set", "budget=-1", "--set", "gaol=x")
    assert (code, "budget:" in said, "Did you mean “goal”?" in said) == (2, True, True)
    assert manage(*answer, "--set", "budget")[0] == 2
    code, said = manage(*answer, "--set", "budget=40000")
    assert (code, said.splitlines()[0]) == (0, f"{run.plan_id} is running, revision 2.")
    assert manage(*answer)[0] == 1


def test_a_plan_goes_out_is_verified_and_comes_in_and_a_forged_one_does_not(site, tmp_path):
    run = start()
    out = tmp_path / "plan.json"
    assert manage("export_plan", run.plan_id, "-o", str(out))[0] == 0
    assert manage("export_plan", run.plan_id)[1] == out.read_text()
    code, said = manage("verify_changelog", str(out))
    assert (code, said.splitlines()[0]) == (0, f"{out}: nothing contradicts it.")
    assert "status as in the change log" in said and "no anchors that you kept were given" in said
    forged = tmp_path / "forged.json"
    forged.write_text(out.read_text().replace("CDNOW Rewards", "Another"))
    code, said = manage("verify_changelog", str(forged))
    assert (code, "NOT intact" in said) == (1, True)
    assert manage("import_plan", str(forged))[0] == 2
    code, said = manage("import_plan", str(out))
    assert (code, said.splitlines()[:2]) == (0, [f"{run.plan_id} is kept as an imported record.", "Proved:"])
    assert "Not proved:" in said


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 10**5, b"{}", b"[]"])
def test_what_is_no_plan_is_refused_at_every_door(site, tmp_path, content):
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    assert manage("import_plan", str(bad))[0] == 2
    assert manage("verify_changelog", str(bad))[0] == 1


def test_files_and_plans_that_are_not_there_exit_2(site, tmp_path):
    for words in (
        ("verify_changelog", str(tmp_path / "none.json")),
        ("verify_changelog", "plan-none"),
        ("import_plan", str(tmp_path / "none.json")),
        ("export_plan", "plan-none"),
        ("replay", "plan-none"),
    ):
        assert manage(*words)[0] == 2


def test_the_log_of_a_plan_and_of_everything_verifies(site):
    run = start()
    code, said = manage("verify_changelog", run.plan_id)
    assert (code, said.splitlines()[0]) == (0, f"{run.plan_id}: nothing contradicts it.")
    assert re.search(r"^  [1-9]\d* objects have the values that the log recorded last: ", said, re.MULTILINE)
    assert manage("verify_changelog")[0] == 0


def test_a_run_that_is_held_on_its_way_ends_with_why_and_who_may_release_it(site, monkeypatch):
    def stopped_on_its_way(plan, report):
        manage("ripcord", plan.plan_id, "--reason", "A second design loses.", "--as", "admin")

    monkeypatch.setattr("plans.engine.running.foreground.until_waiting", stopped_on_its_way)
    code, said = manage("gtm", USAGE, "--as", "ops", "--wait")
    assert code == 1
    assert said.endswith(" is held. A second design loses. Two people must release it.")
