"""Tool hooks of a task: what answers, what is kept, and what is said where nothing does."""

import pytest

from plans.engine.running import replay, runner
from plans.engine.tools import calls, definitions, flows
from plans.export import document
from plans.schemas.outputs import Column, StepResult, Table
from programs.outreach import browser
from tests.factories import DECLARATION, ProgramFactory, make_run

pytestmark = pytest.mark.usefixtures("acting")
TIERS = [{"rank": 1, "name": "Member", "threshold": 0.0}, {"rank": 2, "name": "Gold", "threshold": 500.0}]
VETOES = Table("vetoes", "Vetoes", [Column("task", "Task")], [["Terms"]])


def hook(work, subject="", beside="", tool="Serena"):
    return {
        "tool": tool,
        "purpose": "What differs",
        "work": work,
        "step": "work",
        "subject": subject,
        "beside": beside,
    }


@pytest.fixture
def made(script, monkeypatch):
    """A run whose step answers ``result`` with one tool hooked to it: the hook of its plan JSON."""

    def run(asked, result=None, program=None, **context):
        script(result or StepResult({"tiers": TIERS}))
        monkeypatch.setitem(DECLARATION, "tool_hooks", [asked])
        task = make_run(program=program or ProgramFactory())
        plan = task.plan
        plan.context = context
        plan.save()
        assert runner.run_task(task.pk, "worker") == "succeeded"
        (told,) = document.build(plan)["tool_hooks"]
        return told | {"plan": plan}

    return run


def rows(told):
    return told["plan"].tool_calls.get().kept.payload["rows"]


def test_a_catalogue_is_compared_with_what_the_program_has(made):
    there = [
        {"rank": 1, "name": "Member", "threshold": "0.00"},
        {"rank": 2, "name": "Gold", "threshold": "400.00"},
    ]
    told = made(hook("definition-diff", "found.tiers", "context.tiers"), tiers=there)
    (call,) = told["calls"]
    assert (told["status"], call["performed_by"]) == ("answered", "built-in:definition-diff 1")
    assert call["said"] == "1 place differs from the program's tiers."
    assert rows(told) == [["2/threshold", "400.0", "500.0"]]
    assert call["result_sha256"] == told["plan"].tool_calls.get().kept.sha256


def test_definitions_are_compared_with_the_run_before(made):
    program = ProgramFactory()
    first = made(
        hook("definition-diff", "context.metrics"), program=program, metrics={"csat": {"threshold": "0.6"}}
    )
    second = made(
        hook("definition-diff", "context.metrics"), program=program, metrics={"csat": {"threshold": "0.7"}}
    )
    assert first["calls"][0]["said"].startswith("There is no run before to compare with; 1 place")
    assert rows(second) == [["csat/threshold", "0.6", "0.7"]]
    assert second["calls"][0]["arguments"]["against"] == first["plan"].plan_id


def test_what_is_nested_is_told_in_words_and_never_as_json(made):
    told = made(
        hook("definition-diff", "context.runbooks"),
        runbooks={"email": {"version": 2, "needs": ["kit", "terms"]}},
    )
    assert rows(told) == [["email", "–", "needs: (kit, terms); version: 2"]]


def test_what_was_weighed_is_kept_with_the_choice(made):
    result = StepResult({"decision": "no go"}, [VETOES])
    told = made(hook("comparison-record", "outputs.vetoes", "found.decision"), result)
    assert told["calls"][0]["said"] == "Weighed: 1. Result: no go."
    assert rows(told) == [["Terms"]]


def test_looking_back_names_what_became_of_the_last_proposals(made):
    result = StepResult({"backlog": [{"title": "Write to them", "owner_role": "ops", "eta": "2026-04-01"}]})
    program = ProgramFactory()
    first = made(hook("retro-record", "found.backlog"), result, program=program)
    second = made(hook("retro-record", "found.backlog"), result, program=program)
    assert first["calls"][0]["said"].startswith("There is no run before to look back on.")
    assert rows(second) == [["Write to them", "ops", "2026-04-01", "", "not followed up"]]


@pytest.mark.parametrize(
    ("tooling", "said"),
    [
        ({}, "The program names no dashboard. Enter its address under “Tooling” of the program."),
        ({"dashboard": "https://bi.example/x"}, "No browser: browsers are switched off (GTM_BROWSER)."),
    ],
)
def test_a_page_that_was_not_opened_says_why(made, tooling, said):
    told = made(hook("browser-flow", "dashboard", tool="Playwright"), tooling=tooling)
    (call,) = told["calls"]
    assert (told["status"], call["performed_by"], call["said"]) == ("not_run", None, said)


@pytest.mark.parametrize(("status", "outcome"), [(200, "answered"), (404, "failed")])
def test_a_page_is_kept_as_a_picture(made, monkeypatch, settings, tmp_path, status, outcome):
    settings.GTM_DATA_DIR = tmp_path
    seen = browser.Look("https://bi.example/login", status, None, b"\x89PNG", "playwright 9 (Chromium 9)")
    monkeypatch.setattr(browser, "missing", lambda: "")
    monkeypatch.setattr(flows, "address_of", lambda *_: ("https", "bi.example", "203.0.113.9"))
    monkeypatch.setattr(browser, "look", lambda *_: seen)
    told = made(hook("browser-flow", "dashboard"), tooling={"dashboard": "https://bi.example/x"})
    (call,) = told["calls"]
    assert (call["outcome"], call["performed_by"]) == (outcome, "playwright 9 (Chromium 9)")
    assert call["said"] == f"The dashboard leads to https://bi.example/login and answers {status}."
    assert told["plan"].tool_calls.get().kept.payload["media_type"] == "image/png"


def test_a_browser_that_does_not_get_there_is_a_failed_call(made, monkeypatch):
    def look(*_):
        raise browser.LookFailed("Chromium: net::ERR_NAME_NOT_RESOLVED")

    monkeypatch.setattr(browser, "missing", lambda: "")
    monkeypatch.setattr(flows, "address_of", lambda *_: ("https", "bi.example", "203.0.113.9"))
    monkeypatch.setattr(browser, "version", lambda: "playwright 9")
    monkeypatch.setattr(browser, "look", look)
    told = made(hook("browser-flow", "dashboard"), tooling={"dashboard": "https://bi.example/x"})
    assert (told["status"], told["calls"][0]["said"]) == ("failed", "Chromium: net::ERR_NAME_NOT_RESOLVED")


def test_a_page_within_the_network_is_not_opened_and_names_no_browser(made, monkeypatch):
    monkeypatch.setattr(browser, "missing", lambda: "")
    told = made(hook("browser-flow", "dashboard"), tooling={"dashboard": "http://127.0.0.1:9/x"})
    (call,) = told["calls"]
    assert (call["outcome"], call["performed_by"]) == ("not_run", None)
    assert "127.0.0.1" in call["said"]


def test_a_fault_of_a_tool_is_its_answer_and_not_one_of_the_task(made, monkeypatch):
    monkeypatch.setitem(calls.WORK, "browser-flow", lambda asked: asked.no_such_thing)
    told = made(hook("browser-flow", "dashboard"))
    assert told["status"] == "failed"
    assert "no_such_thing" in told["calls"][0]["said"]


def test_another_performer_than_last_time_has_a_row(made, monkeypatch):
    program = ProgramFactory()
    asked = hook("definition-diff", "context.metrics")
    made(asked, program=program, metrics={})
    monkeypatch.setattr(definitions, "BY", "built-in:definition-diff 2")
    plan = made(asked, program=program, metrics={})["plan"]
    (row,) = (row for row in document.build(plan)["change_log"] if row["event"] == calls.CHANGED)
    assert row["field"] == "tooling/definition-diff"
    assert (row["from"], row["to"]) == ("built-in:definition-diff 1", "built-in:definition-diff 2")


def test_a_replay_neither_calls_tools_nor_misses_what_they_left(made, script, monkeypatch):
    told = made(hook("definition-diff", "found.tiers"))
    script(StepResult({"tiers": TIERS}))
    monkeypatch.setitem(calls.WORK, "definition-diff", lambda asked: pytest.fail("A replay called a tool."))
    assert [str(found) for found in replay.replay(told["plan"])] == ["1.1 work: identical"]


def test_a_hook_whose_task_is_to_come_says_so(made, script, monkeypatch):
    monkeypatch.setitem(
        DECLARATION, "tool_hooks", [{**hook("definition-diff", "datasets"), "step": "sum-up"}]
    )
    told = document.build(make_run().plan)["tool_hooks"][0]
    assert (told["status"], told["calls"], told["reason"]) == ("not_run", [], "Task 1.2 has not been done.")


def test_a_plan_of_before_calls_were_recorded_says_so(made, monkeypatch):
    monkeypatch.setitem(DECLARATION, "tool_hooks", [{"tool": "Serena", "purpose": "Diffs"}])
    told = document.build(make_run().plan)["tool_hooks"][0]
    assert told["reason"] == "The plan was started before calls of tools were recorded."


def test_a_step_that_opened_no_page_says_why(made):
    observed = {"browser": "Playwright is not installed", "look": None}
    told = made(hook("browser-flow"), StepResult({"observed": observed}))
    assert told["calls"][0]["said"] == "No browser: Playwright is not installed."
