from programs.analytics.fraud.identity import (
    disposable,
    mailbox_variants,
    self_referrals,
    sequential_mailboxes,
    shared_ip_agent,
    shared_payout,
    shared_traces,
)
from programs.analytics.fraud.table import Population
from tests.programs.analytics.fraud.tables import fired, table


def test_self_referral_by_customer_by_mailbox_and_by_name_with_address():
    customer, mail, name = self_referrals(
        table(
            {"referrer_id": "7", "referee_customer_id": "7"},
            {"referrer_email": "f.last@gmail.com", "referee_email": "flast+2@googlemail.com"},
            {"referrer_name": "A B", "referee_name": "b a", "referrer_address": "1 X Road",
             "referee_address": "1 x rd."},
            {"referrer_name": "A B", "referee_name": "b a", "referrer_address": "1", "referee_address": "2"},
        )
    )  # fmt: skip
    assert (fired(customer), fired(mail), fired(name)) == ([0], [1], [2])


def test_missing_values_are_not_equal():
    rows = table({"referrer_email": "", "referee_email": None}, {})
    assert [fired(hit) for hit in (*self_referrals(rows), *shared_traces(rows))] == [[]] * 7


def test_traces_shared_with_the_referrer():
    payment, device, cookie, named = shared_traces(
        table(
            {
                "payment_hash": "p",
                "referrer_payment_hash": "p",
                "referrer_name": "A B",
                "referee_name": "A C",
            },
            {"device_id": "d", "referrer_device_id": "d"},
            {"cookie_id": "c", "referrer_cookie_id": "c", "referrer_name": "A B", "referee_name": "b a"},
            {"referrer_name": "A B", "referee_name": "b a"},
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
        table(*(at("1 Park", f"N {letter}") for letter in "abcdefg"), at("2 Home", "N a"))
    )
    assert found.weights.tolist() == [2.1] * 7 + [4.2]
