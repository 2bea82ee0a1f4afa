from programs.analytics.fraud.rings import find_rings, loops, ring_hits
from tests.programs.analytics.fraud.tables import fired, table


def members(size, **traces):
    return [{"referrer_id": f"m{n}", "referee_customer_id": f"m{n + 1}"} | traces for n in range(size)]


def test_people_tied_by_two_kinds_of_trace_are_a_ring():
    found = ring_hits(find_rings(table(*members(5, device_id="d", payment_hash="p"), {})))
    assert fired(found) == list(range(5))
    assert found.weights.tolist() == [4.5] * 5


def test_people_are_known_by_their_mailbox_where_the_shop_numbers_them_in_another_way():
    mail = [f"m{n}@example.org" for n in range(6)]
    rows = [
        {"referrer_id": f"adv{n}", "referrer_email": mail[n], "referee_customer_id": f"cust{n + 1}",
         "referee_email": mail[n + 1], "device_id": "d", "payment_hash": "p"}
        for n in range(5)
    ]  # fmt: skip
    found = ring_hits(find_rings(table(*rows)))
    assert fired(found) == list(range(5)) and found.weights.tolist() == [4.5] * 5
    shared = [
        row | {"referrer_email": "desk@example.org"} for row in rows
    ]  # a mailbox of several is nobody's
    assert ring_hits(find_rings(table(*shared))).weights.tolist() != [4.5] * 5


def test_one_office_address_and_network_join_nobody():
    place = {"referee_address": "1 Park", "ip": "1.1.1.1", "user_agent": "F"}
    assert fired(ring_hits(find_rings(table(*members(9, **place))))) == []


def test_a_trace_beyond_the_cap_joins_nobody():
    rows = table(*members(9, device_id="d", payment_hash="p"))
    assert fired(ring_hits(find_rings(rows, cap=8))) == []
    assert fired(ring_hits(find_rings(rows, cap=9))) == list(range(9))


def test_one_kind_of_trace_weighs_less_and_a_family_tablet_nothing():
    assert ring_hits(find_rings(table(*members(5, device_id="d")))).weights.tolist() == [0.9 * 4.5] * 5
    assert fired(ring_hits(find_rings(table(*members(3, device_id="d"))))) == []


def test_a_kiosk_of_strangers_joins_nobody():
    kiosk = [{"referrer_id": f"a{n}", "referee_customer_id": f"b{n}", "device_id": "kiosk"} for n in range(9)]
    found = find_rings(table(*kiosk))
    assert fired(ring_hits(found)) == [] and found.people.max() == 1


def test_a_desk_where_one_person_enters_many_is_a_star_and_weighs_a_third():
    desk = {"device_id": "d", "referrer_device_id": "d", "cookie_id": "c", "referrer_cookie_id": "c"}
    rows = [{"referrer_id": "rep", "referee_customer_id": f"lead{n}"} | desk for n in range(9)]
    assert ring_hits(find_rings(table(*rows))).weights.tolist() == [4.5 * 0.9 / 3] * 9


def test_two_phones_of_one_hand_are_one_ring():
    pairs = [("m0", "m1"), ("m0", "m2"), ("m1", "m3"), ("m1", "m4"), ("m2", "m5"), ("m3", "m6")]
    rows = [
        {
            "referrer_id": a,
            "referee_customer_id": b,
            "device_id": f"phone{int(b[1]) % 2}",
            "referrer_device_id": f"phone{int(a[1]) % 2}",
        }
        for a, b in pairs
    ]
    found = ring_hits(find_rings(table(*rows)))
    assert (len(found.rows), set(found.evidence)) == (
        6,
        {"7 people tied by 1 kind of trace, 3 of whom were referred and referred on."},
    )


def test_reciprocal_pairs_and_cycles():
    arrows = [("a", "b"), ("b", "a"), ("x", "y"), ("y", "z"), ("z", "x"), ("p", "q"), ("s", "s")]
    rows = table(*({"referrer_id": a, "referee_customer_id": b} for a, b in arrows))
    pair, cycle = loops(find_rings(rows))
    assert (fired(pair), fired(cycle)) == ([0, 1], [2, 3, 4])
