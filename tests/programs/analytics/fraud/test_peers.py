import numpy as np
import pyarrow as pa
import pytest

from programs.analytics.fraud.peers import SIGNS, beyond_peers, find_patterns, pattern_hits
from tests.programs.analytics.fraud.tables import after, table

COLUMNS = sorted({column for pair in SIGNS.values() for column in pair})


def subject(level, name, partner=None, orders=40, referrers=1, **counts):
    usual = {"timed": orders, "quick": orders // 4, "paid_clicks": 0, "paid": orders, "returned": 2,
             "least": orders // 20, "new_devices": orders // 2, "orders": orders, "staged": orders,
             "claimed": 0}  # fmt: skip
    return {"level": level, "name": name, "partner": partner, "referrers": referrers, **usual, **counts}


def patterns(*rows):
    found = find_patterns(pa.Table.from_pylist(list(rows)))
    return [(each.level, each.name, each.sign) for each in found]


def peers(rng, size=30):
    return [subject("referrer", f"r{n}", quick=int(rng.binomial(40, 0.25))) for n in range(size)]


def test_orders_hijacked_at_the_till_stand_out_of_peers_and_peers_do_not():
    rows = peers(np.random.default_rng(1))
    assert patterns(*rows) == []
    assert patterns(*rows, subject("referrer", "hijacker", quick=40)) == [
        ("referrer", "hijacker", "peer_quick")
    ]


@pytest.mark.parametrize("sign", sorted(SIGNS))
def test_every_sign_is_looked_for(sign):
    count, of = SIGNS[sign]
    cheat = subject("referrer", "cheat", **{count: 40})
    assert ("referrer", "cheat", sign) in patterns(*peers(np.random.default_rng(2)), cheat)


def test_peers_who_differ_among_themselves_widen_the_yardstick():
    rng = np.random.default_rng(3)
    shares = rng.beta(3, 5, 40)
    k = rng.binomial(60, shares).astype(float)
    _, p = beyond_peers(np.append(k, 40.0), np.full(41, 60.0))
    assert p[-1] > 0.01
    _, sharp = beyond_peers(np.append(rng.binomial(60, 0.375, 40).astype(float), 40.0), np.full(41, 60.0))
    assert sharp[-1] < 0.001


def test_a_third_of_cheats_among_peers_does_not_hide_them():
    rows = [*peers(np.random.default_rng(4), 24), *(subject("referrer", f"c{n}", quick=40) for n in range(7))]
    assert {name for _, name, _ in patterns(*rows)} == {f"c{n}" for n in range(7)}


def test_false_discovery_is_controlled():
    rng = np.random.default_rng(5)
    assert sum(bool(patterns(*peers(rng))) for _ in range(40)) <= 2


def partners(rng):
    return [
        subject("partner", f"p{n}", orders=200, referrers=60, quick=int(rng.binomial(200, 0.25)))
        for n in range(12)
    ]


def test_one_referrer_does_not_accuse_the_partner_and_all_of_them_do():
    rng = np.random.default_rng(6)
    rows = [*peers(rng), *partners(rng)]
    one = subject("referrer", "bad", partner="many", quick=40)
    many = subject("partner", "many", orders=240, referrers=61, quick=90)
    assert patterns(*rows, one, many) == [("referrer", "bad", "peer_quick")]
    hands = [subject("referrer", f"hand{n}", partner="few", quick=40) for n in range(3)]
    few = subject("partner", "few", orders=120, referrers=3, quick=120)
    assert ("partner", "few", "peer_quick") in patterns(*rows, *hands, few)


def test_a_pattern_weighs_on_every_order_won_of_its_subject():
    rows = peers(np.random.default_rng(7))
    found = find_patterns(pa.Table.from_pylist([*rows, subject("referrer", "cheat", quick=40)]))
    orders = table({"referrer_id": "cheat", "won_at": after()}, {"referrer_id": "cheat"}, {"won_at": after()})
    quick = pattern_hits(orders, found, "referrer")[0]
    assert (quick.rows.tolist(), quick.evidence[0].startswith("Of referrer cheat 40 of 40 orders")) == (
        [0],
        True,
    )
