import numpy as np
import pytest

from programs.analytics.fraud.review import Policy, review
from programs.analytics.fraud.scoring import accuracy, case_accuracy
from programs.analytics.fraud.table import ReferralTable
from tests.programs.analytics.fraud.tables import DISPOSABLE, world_columns, world_of

POLICY = Policy(disposable_domains=DISPOSABLE)
#: Not used while the methods were written.
SEEDS = (501, 502, 503, 504, 505, 506)


def run(columns):
    return review(ReferralTable.from_columns(columns), POLICY)


def held_ids(found):
    return {key for case in found.cases if case.proposal == "hold" for key in case.referral_ids}


@pytest.fixture(scope="module", params=SEEDS)
def judged(request):
    world = world_of(request.param)
    return world.truth.to_pydict(), run(world_columns(world))


def test_planted_fraud_is_held_and_little_else(judged):
    truth, found = judged
    held = held_ids(found)
    flagged = np.array([key in held for key in truth["referral_id"]])
    measured = accuracy(flagged, np.array(truth["fraud"]))
    assert measured.precision.value >= 0.95
    assert measured.recall.value >= 0.90


def test_in_cases_too():
    """Over all seeds together: a world of this size has about sixteen cases."""
    owners, flagged, fraud = [], [], []
    for seed in SEEDS:
        world = world_of(seed)
        found, truth = run(world_columns(world)), world.truth.to_pydict()
        label = dict(zip(truth["referral_id"], truth["fraud"], strict=True))
        owners += [f"{seed} {owner}" for owner in found.owners]
        flagged += (found.scores >= POLICY.hold).tolist()
        fraud += [label[key] for key in found.referral_ids]
    measured = case_accuracy(np.array(owners, dtype=object), np.array(flagged), np.array(fraud))
    assert measured.precision.value >= 0.95
    assert measured.recall.value >= 0.90


@pytest.mark.parametrize("scheme", ["office", "power", "kiosk"])
def test_honest_look_alikes_go_free(judged, scheme):
    truth, found = judged
    ours = {key for key, name in zip(truth["referral_id"], truth["scheme"], strict=True) if name == scheme}
    assert ours
    assert held_ids(found) & ours == set()


def test_money_at_risk_is_the_sum_of_the_held_cases(judged):
    _, found = judged
    held = [case for case in found.cases if case.proposal == "hold"]
    assert found.at_risk == pytest.approx(sum(case.at_risk for case in held))
    assert all(0 <= case.expected_loss <= case.at_risk for case in found.cases)
    assert all(case.reasons and case.reasons[0].false_positives for case in found.cases)


def test_order_and_duplicates_of_rows_change_nothing():
    columns = world_columns(world_of(1, advocates=60))
    size = len(columns["referral_id"])
    shuffled = np.concatenate([np.random.default_rng(9).permutation(size), np.arange(0, size, 3)])
    moved = {name: [values[index] for index in shuffled] for name, values in columns.items()}
    first, second = run(columns), run(moved)
    assert first.referral_ids == second.referral_ids
    assert first.scores.tolist() == second.scores.tolist()
    assert first.cases == second.cases


def test_labels_in_the_data_change_nothing():
    columns = world_columns(world_of(1, advocates=60))
    labelled = columns | {"fraud": [True] * len(columns["referral_id"])}
    assert run(columns).cases == run(labelled).cases


def test_an_empty_table_has_no_cases():
    found = run({"referral_id": [], "referrer_id": []})
    assert (found.cases, found.at_risk) == ((), 0.0)
