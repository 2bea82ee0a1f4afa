"""The made-up campaign keeps its promises."""

import numpy as np

from programs.datasets.worlds.partner_world import EFFECTS, build_partner_world


def world(seed=1):
    return build_partner_world(np.random.default_rng(seed), people=300)


def test_the_same_seed_is_the_same_world():
    first, second = world(), world()
    assert first.tables == second.tables
    assert first.truth == second.truth
    assert world(2).tables != first.tables


def test_a_source_without_effect_is_not_missed_and_the_others_share_everything():
    shares = world().truth["shares"].to_pylist()
    missed = {(row["partner"], row["channel"]): row["share"] for row in shares}
    assert missed.keys() == EFFECTS.keys()
    assert abs(missed["northwind", "social"]) < 1e-12
    assert abs(sum(missed.values()) - 1) < 1e-12


def test_every_deal_is_in_at_least_one_book_and_none_twice_in_the_same():
    truth = world().truth
    kept = [(row["partner"], row["person"]) for row in truth["records"].to_pylist()]
    assert len(kept) == len(set(kept))
    assert {person for _, person in kept} == set(truth["deals"].column("person").to_pylist())


def test_no_address_leaves_a_partner():
    headers = {
        name for tables in world().tables.values() for table in tables.values() for name in table.column_names
    }
    assert "email" not in headers
    assert "email_hash" in headers
