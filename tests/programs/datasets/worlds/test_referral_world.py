import numpy as np
import pyarrow.compute as pc

from programs.datasets.worlds.referral_world import build_referral_world


def world(seed=4, advocates=300):
    return build_referral_world(np.random.default_rng(seed), advocates=advocates)


def test_one_seed_makes_one_world():
    assert world(3, 40).tables == world(3, 40).tables
    assert world(3, 40).tables != world(4, 40).tables


def test_the_truth_stays_out_of_the_tables():
    made = world(advocates=40)
    names = {name for table in made.tables.values() for name in table.column_names}
    assert not names & {"fraud", "scheme"}
    assert sorted(made.truth["referral_id"].to_pylist()) == sorted(
        made.tables["referrals"]["referral_id"].to_pylist()
    )


def test_every_payout_belongs_to_a_paid_referral():
    made = world(advocates=40)
    referrals = made.tables["referrals"]
    paid = referrals.filter(pc.is_valid(referrals["paid_at"]))["referral_id"].to_pylist()
    assert sorted(made.tables["referral_payouts"]["referral_id"].to_pylist()) == sorted(paid)


def test_one_channel_breaks_between_qualified_and_pipeline():
    table = world().tables["referrals"]
    qualified = table.filter(pc.is_valid(table["qualified_at"]))
    broken = pc.equal(qualified["channel"], "in_app")
    rates = [
        pc.mean(pc.is_valid(qualified.filter(mask)["pipeline_at"])).as_py()
        for mask in (broken, pc.invert(broken))
    ]
    assert rates[0] < 0.45 < 0.6 < rates[1]


def test_a_larger_world_has_more_of_everything():
    small, large = world(advocates=100).truth, world(advocates=400).truth
    assert large.num_rows > 3 * small.num_rows
    assert pc.sum(large["fraud"]).as_py() > 2 * pc.sum(small["fraud"]).as_py()
