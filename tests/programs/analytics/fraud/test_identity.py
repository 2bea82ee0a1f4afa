import numpy as np
import pytest

from programs.analytics.fraud.identity import (
    alike_mailboxes,
    disposable,
    mailbox_variants,
    self_referrals,
    sequential_mailboxes,
    shared_ip_agent,
    shared_payout,
    shared_traces,
)
from programs.analytics.fraud.scoring import of_one_account
from programs.analytics.fraud.table import Population
from tests.programs.analytics.fraud.tables import after, fired, table


def test_self_referral_by_customer_by_mailbox_and_by_name_with_address():
    customer, mail, name = self_referrals(
        table(
            {"referrer_id": "7", "referee_customer_id": "7"},
            {"referrer_email": "f.last@gmail.com", "referee_email": "flast+2@googlemail.com"},
            {"referrer_name": "Ana Berg", "referee_name": "BERG, Ana", "referrer_address": "1 X Road",
             "referee_address": "1 x rd."},
            {"referrer_name": "Ana Berg", "referee_name": "berg ana", "referrer_address": "1 X Road",
             "referee_address": "2 X Road"},
        )
    )  # fmt: skip
    assert (fired(customer), fired(mail), fired(name)) == ([0], [1], [2])


def traces_of(rows, **told):
    return shared_traces(rows, Population.of(rows), **told)


def test_missing_values_are_not_equal():
    rows = table({"referrer_email": "", "referee_email": None}, {})
    assert [fired(hit) for hit in (*self_referrals(rows), *traces_of(rows))] == [[]] * 7


def test_traces_shared_with_the_referrer():
    payment, device, cookie, named = traces_of(
        table(
            {
                "payment_hash": "p",
                "referrer_payment_hash": "p",
                "referrer_name": "Ana Berg",
                "referee_name": "Ana Cruz",
            },
            {"device_id": "d", "referrer_device_id": "d"},
            {
                "cookie_id": "c",
                "referrer_cookie_id": "c",
                "referrer_name": "Ana Berg",
                "referee_name": "berg ana",
            },
            {"referrer_name": "Ana Berg", "referee_name": "berg ana"},
        )
    )
    assert (fired(payment), fired(device), fired(cookie), fired(named)) == ([0], [1], [2], [2])


def test_a_payout_account_of_two_referrers_counts_and_a_clearing_account_does_not():
    two = [{"payout_hash": "x"}, {"payout_hash": "x"}]
    many = [{"payout_hash": "clearing"} for _ in range(6)]
    assert fired(shared_payout(table(*two, *many), cap=5)) == [0, 1]


def test_an_ip_counts_only_with_its_browser_and_not_for_a_whole_office():
    one = [{"referrer_id": "a", "ip": "1.1.1.1", "user_agent": "F"} for _ in range(2)]
    bare = [{"referrer_id": "b", "ip": "2.2.2.2"} for _ in range(2)]
    office = [{"referrer_id": f"o{n // 2}", "ip": "3.3.3.3", "user_agent": "F"} for n in range(8)]
    assert fired(shared_ip_agent(table(*one, *bare, *office))) == [0, 1]


def test_disposable_domains_include_their_subdomains_and_weigh_twice_in_a_heap():
    heap = [{"referrer_id": "bot", "referee_email": f"u{n}@sub.junk.org"} for n in range(8)]
    lone = [{"referee_email": "shy@junk.org"}]
    honest = [{"referee_email": f"n{n}@example.org"} for n in range(200)]
    whole = table(*heap, *lone, *honest)
    found = disposable(whole, Population.of(whole), {"junk.org"})
    assert fired(found) == list(range(9))
    assert found.weights.tolist() == [4.0] * 8 + [2.0]


def test_spellings_of_one_mailbox_count_and_one_spelling_invited_twice_does_not():
    emails = ("a.b@gmail.com", "ab+1@gmail.com", "c@x.org", "C@x.org ")
    assert fired(mailbox_variants(table(*({"referee_email": email} for email in emails)))) == [0, 1]


def test_four_numbered_mailboxes_are_a_run_and_three_are_not():
    run = [{"referrer_id": "a", "referee_email": f"u{n}@x.org"} for n in (1, 2, 3, 5)]
    short = [{"referrer_id": "b", "referee_email": f"v{n}@x.org"} for n in (1, 2, 3, 9)]
    assert fired(sequential_mailboxes(table(*run, *short))) == [0, 1, 2, 3]


def test_namesakes_in_an_office_weigh_half():
    def at(place, name):
        return {
            "referrer_name": name,
            "referee_name": name,
            "referrer_address": place,
            "referee_address": place,
        }

    _, _, found = self_referrals(
        table(*(at("1 Park", f"Noa {letter}abel") for letter in "abcdefg"), at("2 Home", "Noa Abel"))
    )
    assert found.weights.tolist() == [1.5] * 7 + [3.0]


def test_a_trace_of_more_people_than_the_cap_says_nothing_of_two_of_them():
    wallet = {"payment_hash": "wallet", "referrer_payment_hash": "wallet"}
    crowd = table(*(wallet | {"referee_customer_id": f"b{n}"} for n in range(6)))
    assert [fired(hit) for hit in traces_of(crowd, cap=11)] == [[], [], [], []]
    assert fired(traces_of(crowd, cap=12)[0]) == list(range(6))


def test_the_more_people_leave_a_trace_the_less_it_says_of_two_of_them():
    pair = {"device_id": "two", "referrer_device_id": "two"}
    shared = [{"device_id": "many", "referrer_device_id": "many"} for _ in range(4)]
    weights = traces_of(table(pair, *shared, *({} for _ in range(40))))[1].weights
    assert weights[0] == 2.5 and max(weights[1:]) < 2.0


def test_an_event_tablet_is_no_trace_of_a_person():
    tablet = {"referrer_id": "rep", "device_id": "tablet", "referrer_device_id": "tablet"}
    rows = [tablet | {"referee_customer_id": f"b{n}"} for n in range(12)]
    fair = [row | {"submitted_at": after(days=3, minutes=20 * n)} for n, row in enumerate(rows)]
    office = [row | {"submitted_at": after(days=3 * n)} for n, row in enumerate(rows)]
    assert fired(traces_of(table(*fair))[1]) == []
    assert fired(traces_of(table(*office))[1]) == list(range(12))


def test_whoever_is_paid_to_an_account_of_many_is_so_with_every_referral():
    def paid(people):
        rows = [{"referrer_id": f"p{n}", "payout_hash": "x"} for n in range(people)]
        return shared_payout(table(*rows, {"referrer_id": "p0"}, {"referrer_id": "somebody"}))

    assert fired(paid(2)) == [0, 1, 2]
    assert [paid(people).weights[-1] for people in (2, 3, 5)] == [2.5, 3.125, 3.75]


def test_the_payees_of_one_account_are_one_case():
    rows = [{"referrer_id": f"p{n % 3}", "payout_hash": "x" if n < 3 else None} for n in range(5)]
    referrals = table(*rows)
    owners = np.array([f"referrer:{name}" for name in referrals.referrer_id], dtype=object)
    owners[4] = "ring:r009"
    found = of_one_account(referrals, owners, np.arange(5))
    assert found.tolist() == ["account:r000"] * 4 + ["ring:r009"]


def test_one_account_of_one_partners_people_is_the_firms_own():
    firm = [{"payout_hash": "firm", "partner_id": "acme"} for _ in range(3)]
    ring = [{"payout_hash": "ring", "partner_id": partner} for partner in ("acme", "other")]
    assert fired(shared_payout(table(*firm, *ring))) == [3, 4]


def test_mailboxes_that_share_what_no_name_explains():
    def pair(left, right):
        names = {"referrer_name": "Ana Berg", "referee_name": "Ana Berg"}
        return names | {"referrer_email": left, "referee_email": right}

    rows = table(
        pair("ana.berg.77231@x.org", "alt77231@y.org"),
        pair("ana.berg@x.org", "berg.ana@y.org"),
        pair("ana.berg.1987@x.org", "aberg1987@y.org"),
    )
    assert fired(alike_mailboxes(rows, np.arange(3))) == [0]


def test_plus_tags_at_a_firms_own_domain_weigh_a_third():
    firm = [{"referee_email": f"leads+{n}@agency.example"} for n in range(3)]
    public = [{"referee_email": f"kim+{n}@gmail.com"} for n in range(3)]
    assert mailbox_variants(table(*firm, *public)).weights.tolist() == pytest.approx([1.4] * 3 + [4.2] * 3)
