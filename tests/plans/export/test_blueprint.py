"""The plan JSON of all five commands, read by a reader of the blueprint that knows nothing of ours."""

import json

import pytest
from django.urls import reverse

from gtm.core import canonical, clock
from gtm.core.errors import InvalidInput
from plans.export import document, files, importer, measures, rules, verify
from plans.models import Plan
from plans.runs import registry, revise
from programs.models import Dataset, Program
from tests.conftest import ROOT
from tests.plans.conftest import BLUEPRINT, start
from tests.plans.export import blueprint_reader

LINES = {
    "plan-loyalty": BLUEPRINT,
    "monitor-loyalty": "/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d",
    "optimize-referrals": "/referral-program-orchestration:optimize-referrals --window 30d",
    "launch-program": '/referral-program-orchestration:launch-program --program "Customer Advocates" '
    '--launch-date 2026-06-15 --channels "email,in-app"',
    "track-source": '/partner-co-marketing-orchestration:track-source --campaign "AI Launch Tour"',
}
DATA = {"customer-advocates": ("referrals",), "ai-launch": ("touchpoints", "opportunities")}
PARTIES = {
    "plan-loyalty": {"party:legal", "party:finance", "party:ops"},
    "monitor-loyalty": {"party:bi", "party:crm", "party:experimentation"},
    "optimize-referrals": {"party:bi", "party:fraud", "party:partner-ops"},
    "launch-program": {"party:legal", "party:finance", "party:ops", "party:partner"},
    "track-source": {"party:crm", "party:map", "party:analytics", "party:partners"},
}
VERSION_1 = ROOT / "tests/data/plan-version-1.json"


@pytest.fixture
def loaded(organisation):
    """Programs that seem to have data: nothing here reads a row of them."""
    for slug, kinds in DATA.items():
        for kind in kinds:
            Dataset(
                program=Program.objects.get(slug=slug), kind=kind, snapshot="none", sha256="0" * 64, rows=1
            ).save()


def document_of(line):
    return json.loads(document.to_bytes(document.build(start(line))))


@pytest.mark.parametrize("name", LINES)
def test_a_reader_of_the_blueprint_reads_every_plan_and_finds_it_true(loaded, name):
    body = document_of(LINES[name])
    read = blueprint_reader.read(body)
    assert (blueprint_reader.untrue(read), rules.problems(body)) == ([], [])
    assert body["schema_version"] == "2.0"
    assert len({task.output_var for task in read.tasks}) == len(read.tasks)


@pytest.mark.parametrize("name", LINES)
def test_outside_parties_are_nodes_with_a_contact_and_with_tasks_they_have_to_do_with(loaded, name):
    graph = document_of(LINES[name])["dependency_graph"]
    parties = {node["id"]: node for node in graph["nodes"] if node["kind"] == "party"}
    joined = {edge[side] for edge in graph["edges"] for side in ("from", "to")}
    assert set(parties) == PARTIES[name] == set(parties) & joined
    assert all(node["contact"]["role"] and node["contact"]["name"] for node in parties.values())


@pytest.mark.parametrize("name", LINES)
def test_a_pipeline_runs_one_after_the_other_and_a_diamond_meets_at_its_gate(loaded, name):
    row, wide = (document_of(f"{LINES[name]} --pattern {pattern}") for pattern in ("pipeline", "diamond"))
    read = blueprint_reader.read(row), blueprint_reader.read(wide)
    assert [rules.problems(body) for body in (row, wide)] == [[], []]
    assert [blueprint_reader.untrue(plan) for plan in read] == [[], []]
    assert (row["strategy"], wide["strategy"]) == ("pipeline", "diamond")
    kinds = {task["task_id"]: task["kind"] for stage in row["stages"] for task in stage["tasks"]}
    grouped = [i for group in row["parallelization"]["parallel_groups"] for i in group["tasks"]]
    assert {kinds[task_id] for task_id in grouped} <= {"human"}
    stages = [[task.task_id for task in stage.tasks] for stage in read[0].stages]
    for before, after in zip(stages, stages[1:], strict=False):
        assert all(set(before) <= read[0].reached(task_id) for task_id in after)
    assert any(stage["merge_gate"] for stage in wide["stages"])
    assert row["strategy_rationale"].startswith("Chosen with --pattern: a pipeline")
    assert row["command"]["usage"].endswith("--pattern pipeline")
    assert row["integrity"]["seed"] == wide["integrity"]["seed"]  # in which order tasks run changes no figure


def test_a_launch_in_a_row_has_later_phases_due_after_earlier_ones(loaded):
    body = document_of(f"{LINES['launch-program']} --pattern pipeline")
    due = {t["task_id"]: t["due_at"] for s in body["stages"] for t in s["tasks"] if t["kind"] == "human"}
    needs = {t["task_id"]: t["dependencies"] for s in body["stages"] for t in s["tasks"]}
    dated = [(due[need], due[one]) for one in due for need in needs[one] if due.get(need) and due[one]]
    assert len(dated) > 20
    assert all(before <= after for before, after in dated)


def test_only_the_first_task_of_a_pipeline_is_ready(loaded):
    ready = [
        list(start(BLUEPRINT + chosen).tasks.filter(state="ready").values_list("task_id", flat=True))
        for chosen in ("", " --pattern pipeline")
    ]
    assert ready == [["1.1", "1.2"], ["1.1"]]


def test_the_pattern_of_a_plan_that_has_begun_is_fixed(loaded):
    plan = start(BLUEPRINT)
    with pytest.raises(InvalidInput) as refused:
        revise.change(plan, {"pattern": "pipeline"}, comment="Slower.")
    assert [problem.field for problem in refused.value.problems] == ["pattern"]
    plan.refresh_from_db()
    assert (plan.revision, plan.strategy) == (1, "diamond")


def test_the_artifacts_are_where_the_plan_says(loaded, client, django_user_model):
    plan = start(BLUEPRINT)
    where = document.build(plan)["context_passing"]["artifacts_location"]
    assert where == reverse("plan-artifacts", args=[plan.plan_id])
    client.force_login(django_user_model.objects.get(username="ops"))
    assert client.get(where).json()["count"] == 0


@pytest.mark.parametrize("said", ["campaign duration", "Campaign  Duration", "campaign"])
def test_the_documents_word_for_the_whole_campaign_is_understood(loaded, said):
    plan = start(f'{LINES["track-source"]} --window "{said}"')
    assert plan.inputs["window"] == "campaign"


def test_a_plan_is_named_by_its_second_and_has_a_suffix_only_where_two_fall_together(loaded):
    first, second = start(BLUEPRINT), start(BLUEPRINT)
    name = f"plan-{clock.now():%Y%m%d-%H%M%S}"
    assert first.plan_id == name
    assert second.plan_id.startswith(f"{name}-") and second.plan_id != name
    for plan in (first, second):
        files.write(plan)
    found = sorted(path.name for path in files.path_of(first).parent.iterdir())
    assert found == sorted([".locks", f"{name}.json", f"{second.plan_id}.json"])


def test_a_name_that_another_transaction_has_taken_gets_a_suffix_too(loaded, monkeypatch):
    first = start(BLUEPRINT)
    monkeypatch.setattr("plans.runs.draft.new_plan_id", lambda at, apart=False: first.plan_id + "-b" * apart)
    assert start(BLUEPRINT).plan_id == f"{first.plan_id}-b"
    assert Plan.objects.count() == 2


def test_the_published_schema_is_the_one_documents_are_held_to():
    published = (ROOT / "plans/export/schema/plan-2.json").read_text(encoding="utf-8")
    assert json.loads(published) == rules.schema()


@pytest.mark.django_db
def test_a_document_of_version_1_is_still_verified_and_taken_in():
    raw = VERSION_1.read_bytes()
    assert verify.verify_bytes(raw) == []
    row = importer.import_document(json.loads(raw))
    again = importer.export_imported(row)
    assert (verify.verify_document(again), again["schema_version"]) == ([], "1.0")


def test_a_document_is_held_to_the_version_it_names(exported):
    body = json.loads(VERSION_1.read_bytes())
    assert rules.problems(body) == []
    assert "stages/0/stage_id" in {p.field for p in rules.problems(body | {"schema_version": "2.0"})}
    newer = json.loads(exported) | {"schema_version": "1.0"}
    assert "stages/0/stage_id" in {p.field for p in rules.problems(newer)}
    assert [p.field for p in rules.problems(json.loads(exported) | {"schema_version": ["2.0"]})] == [
        "schema_version"
    ]


def test_a_stage_is_counted_and_a_party_has_somebody_who_speaks_for_it():
    command = registry.get("plan-loyalty")
    stage, party = command.stages[0], command.outside_parties[0]
    broken = {
        "stages.0.stage_id": {"stages": (canonical_stage(stage), *command.stages[1:])},
        "outside_parties.0.role": {"outside_parties": (changed(party, role=""),)},
        "outside_parties.0": {"outside_parties": (changed(party, gives=("nothing-there",)),)},
    }
    for place, fields in broken.items():
        assert [fault.field for fault in registry.faults(changed(command, **fields))] == [place]


def changed(declared, **fields):
    return type(declared)(
        **{name: getattr(declared, name) for name in declared.__dataclass_fields__} | fields
    )


def canonical_stage(stage):
    return changed(stage, stage_id="one")


def test_guardrails_hold_limits_and_targets_are_values(exported):
    body = json.loads(exported)
    limits = {limit["key"]: limit for limit in body["guardrails"]["limits"]}
    assert (limits["roi"]["comparator"], limits["roi"]["limit"]) == (">=", 0)
    assert (limits["amount"]["comparator"], limits["amount"]["limit"]) == ("<=", 200_000)
    assert limits["reward_cost"]["limit"] > 0
    metrics = {metric["key"]: metric for metric in body["success_metrics"]}
    made = {t["output_var"]: t["output"] for s in body["stages"] for t in s["tasks"]}
    assert metrics["retention"]["target"] == made["signals"]["repeat_rate"]
    assert (metrics["retention"]["met"], metrics["retention"]["why"]) == (
        None,
        "It is measured after the program has started; no run of monitor-loyalty has ended since.",
    )
    cost = metrics["cost_per_point"]
    assert cost["target"] == pytest.approx(made["economics"]["cost_per_point"] * 1.1)
    assert (cost["met"], cost["why"], cost["measured_by"]) == (True, "", body["plan_id"])
    nrr = metrics["nrr"]
    lift = made["economics"]["break_even_lift"]
    assert nrr["actual"] == made["signals"]["nrr"]
    assert (nrr["target"], nrr["met"]) == (pytest.approx(nrr["actual"] * (1 + lift)), False)
    assert metrics["lift"]["met"] is (
        made["economics"]["expected_lift"] >= made["economics"]["break_even_lift"]
    )


def test_a_plan_lasts_as_long_as_the_people_on_its_longest_way_have_time(exported):
    body = json.loads(exported)
    assert (
        body["estimated_duration"] == "PT32H15S"
    )  # the analyst, then an approval; 5 s each before, between, after


def test_assumptions_stand_in_the_document_with_range_source_and_owner(exported):
    found = {told["name"]: told for told in json.loads(exported)["assumptions"]}
    margin = found["margin rate"]
    assert margin["low"] <= margin["likely"] <= margin["high"]
    assert all(told["source"] and told["owner"] and told["unit"] for told in found.values())
    assert len(found) >= 10


def test_a_proposal_says_that_nothing_is_measured_yet(loaded):
    body = canonical.plain(document.build(start(LINES["track-source"])))
    told = {metric["key"]: metric for metric in body["success_metrics"]}
    assert told["confidence"]["why"] == "The task that measures it has no result yet."
    assert told["sla"]["why"] == "No task or approval of this plan with a due time is finished yet."
    assert told["sla"]["target"] == 1


def test_a_metric_of_a_task_that_has_been_done_is_not_said_to_be_to_come(loaded):
    plan = start(LINES["track-source"])
    task = plan.tasks.get(output_var="attribution")
    task.output = {"confidence": None}
    measured = measures.MeasuredPlan(plan, [task])
    told = {metric["key"]: metric for metric in measures.success_metrics(measured)}
    assert told["confidence"]["why"] == "The run did not measure it."
