import csv
import gzip
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.analytics.estimate import Unavailable
from programs.analytics.identity import (
    Field,
    clusters,
    deduplicate,
    exact_pairs,
    link,
    match_weight,
    normalise_address,
    normalise_phone,
    normalise_text,
)
from programs.analytics.identity.comparison import candidate_pairs, compare
from programs.analytics.identity.fellegi_sunter import fit
from programs.analytics.identity.linkage import assign_one_to_one

DATA = Path(__file__).parents[3] / "data"
PERSON_FIELDS = [
    Field("given_name"), Field("surname"), Field("date_of_birth", "code"), Field("suburb"),
    Field("state", "exact"), Field("address_1", "words"), Field("postcode", "code"),
]  # fmt: skip
PERSON_BLOCKS = [["given_name"], ["surname"], ["date_of_birth"], ["address_1"], ["postcode"]]
PLACE_FIELDS = [
    Field("name", "words"),
    Field("address", "words"),
    Field("city", "words"),
    Field("phone", "code"),
]
PLACE_BLOCKS = [["phone"], ["name"], ["address"], ["city"]]


def rows(folder, name):
    with gzip.open(DATA / folder / f"{name}.csv.gz", "rt") as lines:
        return [{k.strip(): v.strip() for k, v in row.items()} for row in csv.DictReader(lines)]


def persons(name):
    table = rows("febrl", name)
    entity = [row["rec_id"].split("-")[1] for row in table]
    return entity, {field.column: [row[field.column] for row in table] for field in PERSON_FIELDS}


def places(name):
    table = rows("fodors_zagat", name)
    return [row["id"] for row in table], {
        "name": [normalise_text(row["name"]) for row in table],
        "address": [normalise_address(row["addr"]) for row in table],
        "city": [normalise_text(row["city"]) for row in table],
        "phone": [normalise_phone(row["phone"], "1") for row in table],
    }


def quality(pairs, truth):
    found = set(pairs)
    return len(found & truth) / len(found), len(found & truth) / len(truth)


@pytest.fixture(scope="module")
def restaurants():
    fodors, zagats = places("fodors"), places("zagats")
    truth = {(row["fodors_id"], row["zagats_id"]) for row in rows("fodors_zagat", "matches_fodors_zagats")}
    return fodors, zagats, truth


def test_weights_of_the_textbook_example():
    assert match_weight(0.996, 0.004) == pytest.approx(7.96, abs=5e-3)
    assert match_weight(0.004, 0.996) == pytest.approx(-7.96, abs=5e-3)
    with pytest.raises(ValueError, match="above 0"):
        match_weight(0.9, 0)


def test_febrl_1_finds_more_than_the_recipe_with_317_pairs_all_true():
    entity, records = persons("dataset1")
    result = deduplicate(records, PERSON_FIELDS, PERSON_BLOCKS, np.random.default_rng(0))
    true = sum(entity[a] == entity[b] for a, b in result.pairs)
    assert (len(result.pairs), true) == (498, 498)
    assert result.precision.value == pytest.approx(1, abs=2e-3)
    assert result.model.converged


def test_febrl_4_links_one_to_one():
    left, ours = persons("dataset4a")
    right, theirs = persons("dataset4b")
    result = link(ours, theirs, PERSON_FIELDS, PERSON_BLOCKS, np.random.default_rng(0))
    assert all(left[a] == right[b] for a, b in result.pairs)
    assert len(result.pairs) >= 4980
    assert len(set(result.pairs[:, 0])) == len(set(result.pairs[:, 1])) == len(result.pairs)


def test_phone_alone_gives_the_published_baseline(restaurants):
    (left, ours), (right, theirs), truth = restaurants
    pairs = [(left[a], right[b]) for a, b in exact_pairs(ours["phone"], theirs["phone"])]
    assert quality(pairs, truth) == pytest.approx((0.939, 0.964), abs=5e-4)


def test_restaurants_are_linked_better_than_by_phone_without_labels(restaurants):
    (left, ours), (right, theirs), truth = restaurants
    result = link(ours, theirs, PLACE_FIELDS, PLACE_BLOCKS, np.random.default_rng(0))
    precision, recall = quality([(left[a], right[b]) for a, b in result.pairs], truth)
    assert precision > 0.975
    assert recall > 0.97
    assert result.precision.value == pytest.approx(precision, abs=0.02)


def test_em_recovers_the_parameters_that_made_the_data():
    rng = np.random.default_rng(5)
    matched = np.arange(20_000) < 2_000
    truth, chance = [0.95, 0.9, 0.85], [0.05, 0.1, 0.02]
    levels = np.column_stack(
        [rng.random(20_000) < np.where(matched, m, u) for m, u in zip(truth, chance, strict=True)]
    ).astype(np.int64)
    u = tuple(np.array([1 - value, value]) for value in chance)
    model = fit(levels, (2, 2, 2), u=u, all_pairs=20_000, prior=0.01)
    assert [m[1] for m in model.m] == pytest.approx(truth, abs=0.02)
    assert model.prior == pytest.approx(0.1, abs=0.005)


def test_missing_value_weighs_nothing():
    u = (np.array([0.9, 0.1]), np.array([0.9, 0.1]))
    model = fit(np.array([[1, 1], [0, 0]]), (2, 2), u=u, all_pairs=10, prior=0.1)
    with_missing, alone = model.pair_weights(np.array([[1, -1], [-1, -1]]))
    assert with_missing == pytest.approx(model.weights[0][1])
    assert alone == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0.1, 9)),
        unique_by=lambda edge: edge[:2],
        max_size=16,
    )
)
def test_assignment_is_one_to_one_and_the_best_there_is(edges):
    pairs = np.array([edge[:2] for edge in edges], dtype=np.int64).reshape(-1, 2)
    gain = np.array([edge[2] for edge in edges])
    chosen = assign_one_to_one(pairs, gain)
    table = np.zeros((4, 4))
    table[pairs[:, 0], pairs[:, 1]] = gain
    assert len(set(pairs[chosen, 0])) == len(set(pairs[chosen, 1])) == len(chosen)
    assert gain[chosen].sum() == pytest.approx(
        max(sum(table[row, column] for row, column in enumerate(order)) for order in permutations(range(4)))
    )


def test_comparison_levels():
    left = {
        "n": ["martha", "martha", "x", ""],
        "w": ["main st 5", "a", "b", "c"],
        "c": ["1980", "1980", "1980", ""],
    }
    right = {
        "n": ["martha", "marhta", "y", "z"],
        "w": ["5 main st", "q", "b", "c"],
        "c": ["1908", "1980", "2001", "1"],
    }
    pairs = np.column_stack([np.arange(4), np.arange(4)])
    levels = compare(left, right, pairs, [Field("n"), Field("w", "words"), Field("c", "code")])
    assert levels.tolist() == [[3, 2, 1], [2, 0, 2], [0, 3, 0], [-1, 3, -1]]


def test_blocking_reports_the_keys_it_skipped():
    records = {"a": ["x", "x", "y"], "b": ["k", "k", "k"]}
    candidates = candidate_pairs(records, None, [["a"], ["b"]], largest_block=8)
    assert candidates.pairs.tolist() == [[0, 1]]
    assert candidates.skipped == (("b", 9),)


def test_clusters_follow_chains_of_pairs():
    labels = clusters(np.array([[0, 1], [1, 3]]), 5)
    assert labels[0] == labels[1] == labels[3]
    assert len(set(labels)) == 3


def test_no_common_key_is_unavailable():
    fields = [Field("a", "exact")]
    assert isinstance(
        link({"a": ["x"]}, {"a": ["y"]}, fields, [["a"]], np.random.default_rng(0)), Unavailable
    )


def test_unknown_kind_of_comparison_is_refused():
    with pytest.raises(ValueError, match="kind"):
        Field("a", "telepathy")
