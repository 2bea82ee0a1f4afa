"""Values: what a row of the log tells of them, and that a value changed behind the log is found."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import models

from gtm.core import canonical
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import Forbidden
from gtm.core.evidence import audit, changelog, told
from gtm.core.evidence.erasure import erase
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.cases.fraud.models import FraudCase
from plans.engine.running import runner
from plans.models import Artifact, Plan, Task
from plans.schemas.outputs import Document, StepResult
from tests.factories import PersonFactory, ProgramFactory, UserFactory, make_plan, make_run, round_of

BOOKKEEPING = {
    "progress", "progress_note",  # of a worker, many times a minute
    "fence", "position",  # numbers of the engine
    "missing",  # seats nobody fills: worked out anew from votes and people
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("acting")


def last_row(obj):
    entries = ChangeLogEntry.objects.filter(entity=obj._meta.label_lower, entity_id=str(obj.pk))
    return changelog.row_of(entries.latest("pk"))


def sha256(value):
    return f"sha256:{canonical.digest(value)}"


def by_sql(obj, **values):
    """What somebody with the database's password does."""
    models.QuerySet.update(models.QuerySet(type(obj)).filter(pk=obj.pk), **values)


def found(chain=None):
    return [(b.chain, b.reason) for b in audit.audit_values(chain).breaks]


@pytest.fixture
def case():
    plan = make_plan()
    made = FraudCase(
        plan=plan, program=plan.program, key="ring", score=90, at_risk=1, expected_loss=1, currency="USD",
        evidence=[{"sign": "one device"}],
    )  # fmt: skip
    made.save()
    return made


@pytest.fixture
def done(script):
    """A task that a worker has done, with an output and an artifact."""
    script(StepResult({"found": "x" * 500}, [Document("page", "Page", "A page of text.")]))
    task = make_run()
    runner.run_task(task.pk, "worker")
    task.refresh_from_db()
    return task


# ------------------------------------------------------------------ what rows tell


def test_only_times_and_numbers_of_the_engine_are_outside_the_log():
    outside = {
        (model.__name__, name)
        for model in audit.governed_models()
        for name in model.unlogged_fields
        if not isinstance(model._meta.get_field(name), models.DateTimeField) and name not in BOOKKEEPING
    }
    assert outside == set()
    assert {n for m in audit.governed_models() for n in m.digested_fields} >= {
        "declaration", "context", "output", "payload", "judgements", "evidence",
    }  # fmt: skip


def test_a_creation_tells_what_the_object_holds_and_the_long_by_its_digest():
    plan = make_plan(amount=Decimal(100))
    row = changelog.row_of(ChangeLogEntry.objects.get(entity="plans.plan", event="created"))
    assert row["fields"]["amount"] == {"to": "100.00"}
    assert row["fields"]["command"] == {"to": "c"}
    assert row["fields"]["declaration"] == {"to": sha256(plan.declaration)}
    assert "campaign_id" not in row["fields"] and "state" not in row["fields"]


def test_a_transition_tells_what_it_writes_and_no_more():
    plan = make_plan()
    perform(plan, "review_again", comment="More.", set_fields={"amount": Decimal(5), "context": {"a": 1}})
    assert last_row(plan)["fields"] == {
        "amount": {"from": None, "to": "5.00"},
        "context": {"from": sha256({}), "to": sha256({"a": 1})},
    }
    perform(plan, "accept")
    accepted = changelog.row_of(ChangeLogEntry.objects.filter(entity="plans.plan", event="accept").last())
    assert "fields" not in accepted


def test_the_output_of_a_task_rides_on_the_row_of_its_success(done):
    row = last_row(done)
    assert (row["event"], row["fields"]["output"]) == ("succeed", {"from": None, "to": sha256(done.output)})
    made = changelog.row_of(ChangeLogEntry.objects.get(entity="plans.artifact"))
    assert made["fields"]["payload"] == {"to": sha256(Artifact.objects.get().payload)}


def test_a_digest_is_made_once_where_the_object_keeps_the_same_one(done, monkeypatch):
    monkeypatch.setattr(told, "_canonical", lambda value: pytest.fail("hashed again"))
    kept = {"output_sha256": done.output_sha256}
    assert told.field_value(done, "output", kept) == f"sha256:{done.output_sha256}"


@pytest.mark.parametrize(
    ("name", "value"), [("declaration", {"max_retries": 9}), ("context", {"zone": "UTC"})]
)
def test_a_save_of_a_long_field_leaves_a_row_with_both_digests(name, value):
    plan = make_plan()
    before = getattr(plan, name)
    setattr(plan, name, value)
    plan.save()
    row = last_row(plan)
    assert (row["event"], row["field"], row["from"], row["to"]) == (
        "changed", name, sha256(before), sha256(value),
    )  # fmt: skip


def test_a_judgement_leaves_its_digest_on_the_row(case):
    judged = [{"judgement": "hold", "person": "Ann"}]
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="judge_fraudcase"))
    PersonFactory(user=user)
    with acting_as(Actor.of_user(user, ADMIN, interactive=True)):
        perform(case, "hold", comment="Look.", set_fields={"judgements": judged})
    assert last_row(case)["fields"]["judgements"] == {"from": sha256([]), "to": sha256(judged)}


@pytest.mark.parametrize(
    ("model", "values"),
    [(Task, {"output": {}}), (Plan, {"context": {}}), (Plan, {"declaration": {}}),
     (Artifact, {"payload": {}}), (FraudCase, {"judgements": []})],
    ids=["output", "context", "declaration", "payload", "judgements"],
)  # fmt: skip
def test_no_door_writes_evidence_without_a_row(model, values):
    with pytest.raises(Forbidden, match="is evidence"):
        model.objects.note(**values)


def test_a_number_no_reader_of_json_holds_is_told_as_text():
    field = Plan._meta.get_field("seed")
    assert (told.value_of(field, 2**60), told.value_of(field, str(2**60))) == (str(2**60), str(2**60))
    assert told.digest_of({"n": 2**60}) != told.digest_of({"n": 2**60 + 1})


# ------------------------------------------------------------------ what is found


def test_what_the_log_told_is_what_is_there(finance, done, case, vote):
    plan = make_plan()
    vote(finance, round_of(plan))
    result = audit.audit_values()
    assert (result.breaks, result.before_digests) == ((), 0)
    assert result.checked > 20


@pytest.mark.parametrize(
    ("name", "value"),
    [("output", {"found": "y"}), ("name", "Other work"), ("error", {"message": "none"}), ("max_retries", 7)],
)
def test_a_column_of_a_task_that_was_changed_by_sql_is_found(done, name, value):
    by_sql(done, **{name: value})
    ((chain, reason),) = found(done.change_chain())
    assert (chain, f"plans.task {done.pk}: its {name}" in reason) == (done.change_chain(), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("declaration", {}), ("context", {"a": 2}), ("inputs", {"budget": 1}), ("amount", Decimal("99.99"))],
)
def test_a_column_of_a_plan_that_was_changed_by_sql_is_found(name, value):
    plan = make_plan()
    by_sql(plan, **{name: value})
    assert [f"its {name} " in reason for _, reason in found()] == [True]


def test_a_changed_payload_vote_or_judgement_is_found(finance, done, case, vote):
    vote(finance, round_of(case.plan))
    decision = round_of(case.plan).decisions.get()
    by_sql(Artifact.objects.get(), payload={"text": "another"})
    by_sql(case, judgements=[{"judgement": "confirm"}])
    by_sql(decision, kind="reject")
    reasons = sorted(reason for _, reason in found())
    assert [reason.split(" ")[0] for reason in reasons] == [
        "plans.artifact",
        "plans.decision",
        "plans.fraudcase",
    ]


def test_the_break_names_the_row_that_told_the_value_last():
    program = ProgramFactory()
    program.name = "Second"
    program.save()
    by_sql(program, name="Third")
    (broken,) = audit.audit_values().breaks
    assert (broken.chain, broken.sequence) == ("installation", last_row(program)["sequence"])


def test_the_command_tells_of_a_changed_value(done):
    by_sql(done, output={"found": "y"})
    with pytest.raises(CommandError, match=rf"plans.task {done.pk}: its output is not what"):
        call_command("verify_changelog", done.plan.plan_id)


# ------------------------------------------------------------------ made before, and erased


@pytest.fixture
def older(monkeypatch):
    """A program made when rows did not tell all that they write, and renamed then."""
    with monkeypatch.context() as then:
        told_today = changelog.append
        then.setattr(changelog, "append", lambda *row, **rest: told_today(*row, **rest | {"fields": None}))
        program = ProgramFactory()
        program.name = "Renamed"
        program.save()
    return program


def test_what_was_made_before_is_counted_and_not_broken(older, capsys):
    by_sql(older, description="Nobody told this.")
    result = audit.audit_values()
    assert (result.breaks, result.before_digests) == ((), 1)
    call_command("verify_changelog")
    assert (
        "1 of these objects in full: these rows were written before rows recorded values"
        in capsys.readouterr().out
    )


def test_a_silent_transition_of_then_after_a_change_is_not_broken(older):
    by_sql(older, name="As a transition of then left it")
    assert found() == []


def test_a_plan_of_before_is_compared_from_the_first_row_that_tells(monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(told, "at_creation", lambda obj, columns: None)
        plan = make_plan()
    plan.context = {"a": 1}
    plan.save()
    assert found() == []
    by_sql(plan, context={"a": 2}, objective="Untold")
    assert [f"plans.plan {plan.pk}: its context" in reason for _, reason in found()] == [True]


def test_what_an_erased_row_told_counts_again_from_the_next_row(acting):
    program = ProgramFactory()
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    with acting_as(Actor.of_user(user, ADMIN)):
        erase("installation", [last_row(program)["sequence"]], reason="Asked for.")
    by_sql(program, name="Anything")
    assert found() == []
    program.refresh_from_db()
    program.name = "Told"
    program.save()
    by_sql(program, name="Untold")
    assert len(found()) == 1


def test_an_erased_row_keeps_no_value(acting):
    program = ProgramFactory(name="Erika")
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    number = last_row(program)["sequence"]
    with acting_as(Actor.of_user(user, ADMIN)):
        erase("installation", [number], reason="Asked for.")
    assert "Erika" not in str(list(changelog.rows("installation")))
    assert changelog.verify_chain("installation") == []
