"""track-source where files are missing, inputs are wrong, or people cannot be told apart well enough."""

import pytest

from gtm.core.errors import InvalidInput
from plans.models import Artifact, Breach, Escalation
from plans.runs import start as base
from tests.plans.commands.track_source.campaign import (
    LINE,
    establish,
    load,
    run,
    start,
    values,
    without,
    work_off,
    world,
)


@pytest.fixture
def joint(acting):
    return establish()


def test_without_contacts_confidence_is_not_available_and_the_reason_says_what_to_load(joint, tmp_path):
    load(joint, tmp_path, without(("northwind", "contacts"), ("contoso", "contacts"), ("", "targets")))
    plan = run()
    told = values(plan)
    assert told["attribution"]["confidence"] is None
    assert "load contacts of each" in told["attribution"]["confidence_reason"]
    assert told["reconciled"]["joined"] > 0  # one company and one amount at both partners
    assert "No targets are loaded" in Artifact.objects.get(plan=plan, key="contribution").payload["note"]
    assert not Breach.objects.exists()


def test_a_partner_without_touches_is_named(joint, tmp_path):
    load(joint, tmp_path, without(("contoso", "touchpoints")))
    assert (
        "Contoso Analytics has no touch of the campaign in the window: load its touchpoints."
        in values(work_off(start(), until="data-gathering"))["gathered"]["warnings"]
    )


def test_missing_data_bad_inputs_and_an_unknown_campaign_are_refused_together(joint):
    line = LINE.replace("AI Launch Tour", "AI Lunch Tour").replace("30d", "monthly") + " --dimensions colour"
    with pytest.raises(InvalidInput) as refused:
        base.draft(*base.parse_usage(line), None)
    problems = {p.field: p for p in refused.value.problems}
    assert set(problems) == {"campaign", "window", "dimensions", "datasets"}
    assert problems["campaign"].nearest == "AI Launch Tour"
    assert "opportunities" in " ".join(p.message for p in refused.value.problems)


def test_accuracy_below_the_guardrail_twice_in_different_windows_stops_the_run(acting, tmp_path):
    joint = establish(guardrail="0.999")
    load(joint, tmp_path, world(days=40).tables)
    first = run()
    assert Breach.objects.get().rule == "attribution-below-guardrail"
    assert not Escalation.objects.exists()
    assert first.state == "running"
    again = run()
    # Each run has its own breach; of the same period they count once.
    assert (Breach.objects.count(), again.state) == (2, "running")
    load(joint, tmp_path, world().tables)
    second = run()
    assert second.state == "held"
    assert Escalation.objects.get().trigger == "attribution-below-guardrail"
