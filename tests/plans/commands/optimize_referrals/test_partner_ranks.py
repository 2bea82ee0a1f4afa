"""The partner ranks of the command, in made-up programs whose partners' true values are known."""

import numpy as np
from scipy.stats import kendalltau

from programs.datasets.worlds.referral_world import DAY, HOUR
from programs.datasets.worlds.rival_worlds import RivalBuilder
from tests.plans.commands.optimize_referrals.made_up import loaded, outputs_of

PARTNERS, DAYS = 20, 85


def program(seed):
    """(world, partner → the revenue to be expected of it): partners of own sizes, prices and conversions."""
    rng = np.random.default_rng(seed)
    w = RivalBuilder(rng, returns=0.1)
    value = {}
    for number in range(PARTNERS):
        orders, price = float(rng.lognormal(1.8, 0.9)), float(rng.lognormal(4, 0.5))
        conversion = float(rng.beta(6, 10))
        value[f"partner-{number:02d}"] = orders * price
        people = [w.person(partner=number) for _ in range(6)]
        for _ in range(int(rng.poisson(orders / conversion))):
            at = float(rng.uniform(0, DAYS * DAY))
            is_won = bool(rng.random() < conversion)
            won = at + float(rng.lognormal(10, 1)) if is_won else None
            basket = round(price * float(rng.lognormal(-0.3, 0.8)), 2) if is_won else None
            w.refer("partner", False, w.of(people), w.person(), at=at, clicked_at=at + HOUR, won_at=won,
                    submitted_at=at + HOUR, revenue=basket)  # fmt: skip
    return w.world(), value


def test_partners_are_ranked_by_what_they_bring_and_the_ranges_hold(tmp_path):
    by_score, by_revenue, covered = [], [], []
    for seed in range(4):
        world, value = program(seed)
        (home := tmp_path / str(seed)).mkdir()
        found = outputs_of(loaded(world, home), ("data", "risk", "partners"))["partners"]["partners"]
        true = np.array([value[each["partner"]] for each in found])
        revenue = dict.fromkeys(value, 0.0)
        for row in world.tables["referrals"].to_pylist():
            if row["won_at"] and not row["refunded_at"]:
                revenue[row["partner_id"]] += row["revenue"]
        by_score.append(kendalltau([each["score"] for each in found], true).statistic)
        by_revenue.append(kendalltau([revenue[each["partner"]] for each in found], true).statistic)
        ranks = 1 + (true[None, :] > true[:, None]).sum(axis=1)
        covered += [e["rank_low"] <= rank <= e["rank_high"] for e, rank in zip(found, ranks, strict=True)]
    assert np.mean(by_score) >= np.mean(by_revenue) - 0.02
    assert np.mean(by_score) > 0.6
    assert np.mean(covered) >= 0.92
