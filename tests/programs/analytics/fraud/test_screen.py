import numpy as np
import pyarrow as pa

from programs.analytics.fraud.review import Policy
from programs.analytics.fraud.screen import screen

KEYS = (
    "cookie_id", "referrer_cookie_id", "device_id", "referrer_device_id", "payment_hash",
    "referrer_payment_hash", "payout_hash", "place", "home", "called", "spelling", "mailbox", "stem",
    "referee_refers",
)  # fmt: skip
HOUR = 3_600_000_000
POLICY = Policy()


def hashes(*numbers):
    """As spread as hashes are, 0 where missing."""
    return np.array(numbers, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def known(size, **columns):
    """Referrals a day apart, each of two people of its own, unless ``columns`` say otherwise."""
    own = np.arange(1, size + 1)
    return pa.table(
        {
            "referral": hashes(*own),
            "referrer": hashes(*own + 1000),
            "referee": hashes(*own + 2000),
            "referred_at": own * 24 * HOUR,
            "won": np.ones(size, dtype=bool),
            "refunded": np.zeros(size, dtype=bool),
            "shows": np.zeros(size, dtype=bool),
            **{name: hashes(*[0] * size) for name in KEYS},
            **columns,
        }
    )


def let_through(table):
    chosen, _ = screen(table, POLICY)
    places = {key: row for row, key in enumerate(table.column("referral").to_pylist())}
    return [places[key] for key in chosen.column("referral").to_pylist()]


def test_referrals_without_a_trace_in_common_are_left_out():
    assert let_through(known(3, cookie_id=hashes(1, 2, 3), device_id=hashes(1, 2, 3))) == []


def test_a_trace_joins_people_on_either_side_of_a_referral():
    assert let_through(known(4, cookie_id=hashes(7, 0, 8, 9), referrer_cookie_id=hashes(1, 7, 2, 3))) == [
        0,
        1,
    ]


def test_a_circle_passes_through_mailboxes_of_referrers():
    who, friend = hashes(1, 2, 3, 4), hashes(11, 12, 13, 14)
    assert let_through(known(4, referrer=who, referee=friend, referee_refers=hashes(2, 1, 9, 0))) == [0, 1]


def test_what_one_person_leaves_again_joins_nobody():
    assert let_through(known(2, referrer=hashes(9, 9), referrer_device_id=hashes(5, 5))) == []


def test_a_trace_of_more_people_than_any_cap_is_marked_and_joins_nobody():
    cookies = hashes(*[7] * 101, 8, 8)
    chosen, _ = screen(known(103, cookie_id=cookies, shows=np.arange(103) == 0), POLICY)
    assert [trace < 0 for trace in chosen.column("cookie_id").to_pylist()] == [True, False, False]


def test_two_spellings_of_a_mailbox_pass():
    table = known(
        5,
        mailbox=hashes(1, 1, 2, 2, 3),
        spelling=hashes(1, 2, 3, 3, 4),
    )
    assert let_through(table) == [0, 1]


def test_five_of_one_referrer_within_an_hour_pass_and_four_do_not():
    at = np.array([0, 1, 2, 3, 4, 100, 101, 102, 103]) * HOUR // 5
    assert let_through(known(9, referrer=hashes(*[1] * 5, *[2] * 4), referred_at=at)) == [0, 1, 2, 3, 4]


def test_a_circle_passes():
    assert let_through(known(3, referrer=hashes(1, 2, 3), referee=hashes(2, 1, 4))) == [0, 1]


def test_counts_are_over_all_referrals():
    table = known(
        4,
        referrer=hashes(1, 1, 1, 2),
        refunded=np.array([True, False, False, False]),
        shows=np.array([True, False, False, False]),
        home=hashes(5, 5, 5, 6),
        called=hashes(1, 2, 1, 3),
    )
    chosen, population = screen(table, POLICY)
    counts = ("referrals_of_referrer", "orders_of_referrer", "refunds_of_referrer", "names_at_address")
    assert [chosen.column(name).to_pylist() for name in counts] == [[3], [3], [1], [2]]
    assert (population.referrals, population.referrers, population.span_seconds) == (4, 2, 3 * 86400)
    assert population.refund_moments == (1.0, 4.0, 10.0, 1 / 3, 2.0)
