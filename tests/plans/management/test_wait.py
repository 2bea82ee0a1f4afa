"""The demo, twice; ``gtm --wait`` on it: no worker up, decided at the command line, replayed."""

import pytest

from plans.demo.organisation import PASSWORD
from plans.models import Plan
from tests.doors import USAGE, manage, stored

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_seeds_line_runs_to_its_gates_and_on_to_the_end(capfd, caplog, settings):
    code, told = manage("demo")
    before = stored(settings.GTM_DATA_DIR)
    assert (code, PASSWORD in told) == (0, True)
    assert manage("demo")[0] == 0
    assert stored(settings.GTM_DATA_DIR) == before
    code, said = manage("gtm", USAGE, "--as", "ops", "--wait")
    plan = Plan.objects.get()
    assert (code, "Validation of segments" in said) == (0, True)
    task = f"{plan.plan_id}/2.3"
    code, said = manage("complete", task, "--as", "analyst", "--evidence", "Sizes compared.", "--wait")
    assert code == 0
    assert "4.1 waits for approval  4.2 waits for approval" in said
    for who, gate in (("finance", "finance-approval"), ("legal", "legal-approval")):
        at = f"{plan.plan_id}/{gate}"
        code, said = manage("decide", at, "approve", "--as", who, "--comment", "Fine.", "--wait")
        assert code == 0
    assert "5.1 done" in said
    plan.refresh_from_db()
    assert plan.state == "succeeded"
    assert manage("replay", plan.plan_id)[0] == 0
    code, said = manage("verify_changelog", plan.plan_id)
    assert (code, said.splitlines()[0]) == (0, f"{plan.plan_id}: nothing contradicts it.")
    assert "No hostname was supplied" not in caplog.text + capfd.readouterr().err
