"""What counts for the readiness of a launch, over any runbook."""

from hypothesis import given
from hypothesis import strategies as st

from plans.commands.launch_program.steps.readiness import items
from programs.analytics.readiness import readiness
from programs.models import APPROVALS


@given(
    done=st.sets(st.sampled_from([f"t{n}" for n in range(8)])),
    weights=st.lists(st.integers(1, 9), min_size=8, max_size=8),
)
def test_doing_more_never_makes_a_launch_less_ready(done, weights):
    """Readiness grows with each task done, and an open blocker vetoes whatever it is."""
    rows = [
        {"key": f"t{n}", "name": f"T{n}", "phase": "tooling", "group": "g", "weight": weight,
         "is_blocker": n % 2 == 0}
        for n, weight in enumerate(weights)
    ]  # fmt: skip
    facts = {"runbooks": {"": {"tasks": rows}}}
    settled = dict.fromkeys(APPROVALS, 1.0)

    def ready(keys):
        return readiness(items({"channels": []}, facts, settled | dict.fromkeys(keys, 1.0), (), {}))

    before = ready(done)
    assert all(ready(done | {row["key"]}).share.value >= before.share.value for row in rows)
    assert [item.key for item in before.open_blockers] == [
        row["key"] for row in rows if row["is_blocker"] and row["key"] not in done
    ]
    assert (bool(before.open_blockers), before.decision) != (True, "go")
