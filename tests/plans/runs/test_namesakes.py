"""Two plugins with a command of one name: side by side at every door, and neither counts for the other."""

import pytest
from django.test import Client
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.engine.gates import preview
from plans.models import Breach, Escalation, Plan, PolicyVersion, Reading, Schedule
from plans.runs import checklist, registry, schedules
from plans.schemas.declaration import Command, Gate, Rung, Seat, Stage, Step, Trigger
from plans.schemas.inputs import Choice
from plans.schemas.outputs import Figure, Measured, Metrics, StepResult
from programs.models import Program
from tests.doors import as_, built, fields, manage, ops, purchases, site, url, user  # noqa: F401
from tests.plans.conftest import decide, work_off

NAME, PLUGINS = "watch-pulse", ("one", "two")
KEYS = [f"{plugin}:{NAME}" for plugin in PLUGINS]
PATHS = [f"/{key}" for key in KEYS]
CANDIDATES = f"Allowed: {', '.join(PATHS)}."
RUN = "admin:plans_run_command"


def looking(pulse):
    """A step that finds this pulse. The depth names the period, so that runs measure different ones."""

    def look(context):
        return StepResult(
            {"pulse": pulse},
            [Metrics("pulse", "Pulse", [Figure("pulse", "Pulse", pulse)])],
            readings=[Measured("pulse-low", pulse, context.inputs["depth"])],
        )

    return look


def command(plugin, pulse):
    role = "loyalty-strategist"
    step = Step(
        "1.1", "look", "Look", role, "Take the pulse", run=looking(pulse), fallback_agent="finance",
        output_var="seen",
    )  # fmt: skip
    gate = Gate("sign-off", "Sign-off", "Is it well?", (Seat("finance"),), scope=("seen",))
    sign = Step("2.1", "sign-off", "Sign-off", "finance", "Somebody signs", needs=("1.1",), gate=gate)
    return Command(
        plugin=plugin,
        name=NAME,
        title=f"Watch the pulse by {plugin}",
        summary="Watches.",
        example=f"/{plugin}:{NAME} --depth light",
        program_kind="loyalty",
        inputs=(Choice("depth", "How deep", options=("light", "full"), default="light"),),
        stages=(Stage("1", "Look", "sequential", (step,)), Stage("2", "Sign", "sequential", (sign,))),
        strategy="sequential",
        strategy_rationale="One after the other.",
        ladder=(Rung((role,)), Rung(("finance",)), Rung(("exec-sponsor",))),
        triggers=(Trigger("pulse-low", "The pulse is low", breaches=2, comparator="<", limit="60"),),
        objective=lambda inputs, program: f"Pulse of {program.name}, {plugin}",
        checklist=checklist.STANDARD,
        outputs=("The pulse",),
        deliverables=("pulse",),
    )


@pytest.fixture(autouse=True)
def namesakes(site):  # noqa: F811
    """Both find a low pulse: 41 and 42."""
    made = [
        registry.register(command(plugin, pulse)) for plugin, pulse in zip(PLUGINS, (41, 42), strict=True)
    ]
    yield made
    for one in made:
        registry.forget(one.key)


def run(path, depth="light"):
    """Started by the usage line, and worked off up to its gate."""
    code, said = manage("gtm", f"{path} --depth {depth}", "--as", "ops", "--program", "cdnow")
    assert code == 0, said
    with acting_as(Actor.system("Engine")):
        return work_off(Plan.objects.latest("pk"))


def test_each_usage_line_runs_its_own_command_to_the_end():
    plans = [run(path) for path in PATHS]
    for plan in plans:
        decide(plan, "sign-off", "finance")
        plan.refresh_from_db()
    assert [(p.command_key, p.state, p.tasks.get(key="look").output["pulse"]) for p in plans] == [
        (KEYS[0], "succeeded", 41), (KEYS[1], "succeeded", 42),
    ]  # fmt: skip
    assert [plan.usage for plan in plans] == [f"{path} --depth light" for path in PATHS]


def test_a_line_that_leaves_out_the_plugin_is_refused_with_the_candidates_and_stores_nothing():
    code, said = manage("gtm", f"/{NAME} --depth light", "--as", "ops")
    assert (code, CANDIDATES in said, Plan.objects.count()) == (2, True, 0)
    registry.forget(KEYS[1])
    code, _ = manage("gtm", f"/{NAME} --depth light", "--as", "ops", "--program", "cdnow")
    assert (code, Plan.objects.get().command_key) == (0, KEYS[0])
    registry.register(command(PLUGINS[1], 42))


def test_rest_lists_both_and_starts_each_at_its_address(ops):  # noqa: F811
    listed = [told["key"] for told in ops.get(url("commands/")).json()["results"]]
    assert [key for key in listed if key.endswith(NAME)] == KEYS
    for key in KEYS:
        assert ops.get(url(f"commands/{key}/")).json()["key"] == key
        body = {"inputs": {"depth": "full"}, "program": "cdnow"}
        answer = ops.post(url(f"commands/{key}/runs/"), body, format="json")
        assert (answer.status_code, f"{answer.json()['plugin']}:{answer.json()['command']}") == (202, key)
    (found,) = ops.get(url(f"plans/?command={NAME}&plugin=two")).json()["results"]
    assert found["plugin"] == "two"
    refused = ops.get(url(f"commands/{NAME}/"))
    assert (refused.status_code, refused.json()["errors"][0]["allowed"]) == (404, PATHS)


def test_the_admin_shows_a_form_for_each_and_starts_what_it_shows(site):  # noqa: F811
    client = Client()
    client.force_login(user("ops"))
    index = client.get(reverse("admin:plans_run")).content.decode()
    program = Program.objects.get(slug="cdnow")
    for key, plugin in zip(KEYS, PLUGINS, strict=True):
        form = reverse(RUN, args=[key])
        assert f'href="{form}"' in index
        assert f"Watch the pulse by {plugin}" in client.get(form).content.decode()
        sent = {"depth": "full", "program": program.slug, "step": "start", "token": plugin}
        assert client.post(form, sent).status_code == 302
        plan = Plan.objects.latest("pk")
        assert plan.command_key == key
        page = client.get(reverse("admin:plans_plan_change", args=[plan.pk])).content.decode()
        assert f"{form}?copy={plan.plan_id}" in page
        recent = client.get(form).context["recent"]
        assert [run.command_key for run in recent] == [key]
    refused = client.get(reverse(RUN, args=[NAME]))
    assert (refused.status_code, all(path in refused.content.decode() for path in PATHS)) == (404, True)
    line = client.post(reverse("admin:plans_run_line"), {"usage": f"{PATHS[1]} --depth full"})
    assert line.url.startswith(reverse(RUN, args=[KEYS[1]]))


def test_a_policy_of_one_is_none_of_the_other(ops, as_):  # noqa: F811
    body = {"subject": "sign-off", "text": {"hours": 30}, "reason": "Holidays."}
    refused = ops.post(url("policies/"), body | {"command": NAME}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["allowed"]) == (404, PATHS)
    rows = [ops.post(url("policies/"), body | {"command": key}, format="json").json() for key in KEYS]
    assert [(row["command"], row["number"]) for row in rows] == [(key, 1) for key in KEYS]
    adopted = as_("exec").post(url(f"policies/{rows[0]['id']}/adopt/"), {"comment": "Yes."}, format="json")
    assert adopted.json()["state"] == "in_force"
    found = {plan.plugin: plan.declaration["gates"][0] for plan in map(run, PATHS)}
    assert {plugin: (gate["policy_version"], gate["hours"]) for plugin, gate in found.items()} == {
        "one": (1, 30), "two": (0, 16),
    }  # fmt: skip
    assert PolicyVersion.objects.get(pk=rows[1]["id"]).state == "proposed"
    by_key = ops.get(url(f"policies/?command={KEYS[1]}")).json()["results"]
    by_name = ops.get(url(f"policies/?command={NAME}")).json()["results"]
    assert (len(by_key), len(by_name)) == (1, 2)


def test_breaches_of_one_do_not_count_for_the_other():
    run(PATHS[0], "light"), run(PATHS[1], "full")
    for model in (Reading, Breach):
        assert sorted(model.objects.values_list("command", "period")) == [
            (KEYS[0], "light"),
            (KEYS[1], "full"),
        ]
    assert not Escalation.objects.exists()
    run(PATHS[1], "light")  # the same period again, of the other command
    case = Escalation.objects.get()
    assert (case.plan.command_key, case.trigger) == (KEYS[1], "pulse-low")
    assert Reading.objects.filter(command=KEYS[0]).count() == 1


def test_past_rounds_are_those_of_the_command(ops):  # noqa: F811
    for plan in map(run, PATHS):
        decide(plan, "sign-off", "finance")
    assert [[r.plan.command_key for r in preview.past_rounds(key, "sign-off")] for key in KEYS] == [
        [KEYS[0]], [KEYS[1]],
    ]  # fmt: skip
    answer = ops.post(
        url(f"commands/{KEYS[1]}/gates/sign-off/replay/"), {"seats": [{"role": "finance"}]}, format="json"
    )
    assert len(answer.json()["rounds"]) == 1


def test_a_schedule_says_which_one():
    program = Program.objects.get(slug="cdnow")
    told = {"name": "pulse", "program": program, "inputs": {}, "owner": user("ops")}
    assert CANDIDATES in schedules.faults(Schedule(command=NAME, **told))["command"]
    assert schedules.faults(Schedule(command=KEYS[0], **told)) == {}


def test_two_runs_that_differ_in_the_plugin_are_not_compared():
    one, two = (run(path) for path in PATHS)
    client = Client()
    client.force_login(user("ops"))
    page = client.get(reverse("admin:plans_plan_compare", args=[one.pk]), {"with": two.plan_id})
    assert (page.context["other"], list(page.context["others"])) == (None, [])
