from programs.analytics.fraud.rings import find_rings, loops, ring_hits
from tests.programs.analytics.fraud.tables import fired, table


def members(size, **traces):
    return [{"referrer_id": f"m{n}", "referee_customer_id": f"m{n + 1}"} | traces for n in range(size)]


def test_people_tied_by_two_kinds_of_trace_are_a_ring():
    found = ring_hits(find_rings(table(*members(5, device_id="d", payment_hash="p"), {})))
    assert fired(found) == list(range(5))
    assert found.weights.tolist() == [4.5] * 5


def test_one_office_address_and_network_join_nobody():
    place = {"referee_address": "1 Park", "ip": "1.1.1.1", "user_agent": "F"}
    assert fired(ring_hits(find_rings(table(*members(9, **place))))) == []


def test_a_trace_beyond_the_cap_joins_nobody():
    rows = table(*members(9, device_id="d", payment_hash="p"))
    assert fired(ring_hits(find_rings(rows, cap=8))) == []
    assert fired(ring_hits(find_rings(rows, cap=9))) == list(range(9))


def test_a_kiosk_weighs_a_third_and_a_family_tablet_nothing():
    assert ring_hits(find_rings(table(*members(5, device_id="d")))).weights.tolist() == [1.5] * 5
    assert fired(ring_hits(find_rings(table(*members(4, device_id="d"))))) == []


def test_reciprocal_pairs_and_cycles():
    arrows = [("a", "b"), ("b", "a"), ("x", "y"), ("y", "z"), ("z", "x"), ("p", "q"), ("s", "s")]
    rows = table(*({"referrer_id": a, "referee_customer_id": b} for a, b in arrows))
    pair, cycle = loops(find_rings(rows))
    assert (fired(pair), fired(cycle)) == ([0, 1], [2, 3, 4])
