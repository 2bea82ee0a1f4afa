"""People who stand together before a poster are quick, and behind one address: one fact, and no fraud."""

import numpy as np

from programs.datasets.worlds.referral_world import DAY
from programs.datasets.worlds.rival_worlds import DAYS, RivalBuilder, neighbours
from tests.plans.commands.optimize_referrals.made_up import judge, loaded, review


def poster(w):
    """A code on the wall of a café: whoever scans it is on the café's network and orders within minutes."""
    owner, network = w.person(channel="link"), w.network()
    for _ in range(int(w.rng.integers(15, 40))):
        at = float(w.rng.uniform(0, DAYS * DAY))
        won = at + 5 + float(w.rng.gamma(3, 30))
        w.refer("poster", False, owner, w.person(ip=network), at=at, clicked_at=at + 5, won_at=won)


def test_a_poster_is_asked_about_and_its_rewards_are_not_held(tmp_path):
    w = RivalBuilder(np.random.default_rng(21))
    neighbours(w, 250)
    for _ in range(6):
        poster(w)
    world = w.world()
    risk = review(loaded(world, tmp_path))
    posters = {row["referral_id"] for row in world.truth.to_pylist() if row["scheme"] == "poster"}
    held = {key for case in risk["cases"] if case["proposal"] == "hold" for key in case["referrals"]}
    asked = {key for case in risk["cases"] for key in case["referrals"]}
    # A copied link of an advertisement may be on one of them, which is evidence of another kind.
    assert len(held & posters) <= 0.01 * len(posters)
    assert asked & posters
    assert judge(world, risk).accused <= 4 and risk["spikes"] == []
