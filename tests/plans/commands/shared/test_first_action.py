"""The answer that ends in a first action says where its chance comes from, and none where there is none."""

from plans.commands.optimize_referrals.steps.playbook import WEIGHED
from plans.commands.shared.first_action import action_answer

ROW = {
    "title": "Decide 3 fraud cases", "why": "", "proof": "", "owner": "ops", "eta": "2026-06-01",
    "effort_days": 1.0,
    "expected_value": 120.0, "expected_low": 0.0, "expected_high": 300.0, "sample_size_per_arm": None,
}  # fmt: skip


def certainty(chance, source):
    row = ROW | {"chance_to_win": chance, "chance_from": source}
    told = {"trouble": [], "nothing": "", "unknown": "", "figures": [], "caveats": [], "decides": "The board"}
    return action_answer(
        [row], "EUR", **told, labour=None, chart="", table="backlog", columns=("title",)
    ).certainty


def test_deciding_cases_has_no_chance_of_its_own():
    found = certainty(None, WEIGHED)
    assert found.chance is None
    assert "%" not in found.words and "chance of fraud" in found.words


def test_the_chance_of_a_test_is_told_with_its_source():
    found = certainty(1 / 3, "the share of experiments that win elsewhere")
    assert found.chance == 1 / 3
    assert found.words.startswith(
        "Chance that the first action brings what it is meant to: 33 %, the share of"
    )
