"""A launch at the command line: the documents' line, and the change of its date."""

from plans.models import Plan
from tests.doors import manage
from tests.plans.api.test_launch import LINE


def test_the_documents_line_exits_0_and_says_at_once_how_late_it_is(site):
    code, said = manage("gtm", LINE, "--as", "ops")
    assert code == 0
    assert "! The launch date can be made: The launch date 2025-12-10 lies" in said
    assert "waits for Samir Haddad: 2.1 Pull the design charter" in said


def test_a_dry_run_says_it_too_and_stores_nothing(site):
    code, said = manage("gtm", LINE, "--as", "ops", "--dry-run")
    assert code == 0
    assert "[ ] The launch date can be made" in said
    assert Plan.objects.count() == 0


def test_a_person_changes_the_date(site):
    manage("gtm", LINE, "--as", "ops")
    plan = Plan.objects.get()
    code, said = manage(
        "change", plan.plan_id, "--set", "launch_date=2099-06-10", "--comment", "Moved.", "--as", "ops"
    )
    assert (code, "revision 2" in said) == (0, True)
    plan.refresh_from_db()
    assert plan.inputs["launch_date"] == "2099-06-10"
