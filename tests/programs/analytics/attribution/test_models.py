from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from programs.analytics.attribution import AGREED, MODELS, ConversionPaths, attribute, attribute_all
from programs.analytics.attribution.markov import Transitions, removal_effects
from programs.analytics.estimate import Unavailable

CHANNELS = "abcd"
journeys = st.lists(
    st.tuples(
        st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6),
        st.integers(1, 9),
        st.integers(0, 9),
        st.floats(0, 100),
        st.floats(0, 400),
    ),
    min_size=1,
    max_size=8,
)


def encode(rows):
    return ConversionPaths.from_sequences(
        [path for path, *_ in rows],
        [converted for _, converted, *_ in rows],
        [lost for _, _, lost, *_ in rows],
        [revenue for *_, revenue, _ in rows],
        ages=[[start / (1 + step) for step in range(len(path))] for path, *_, start in rows],
    )


def test_public_paths_have_the_published_totals(public_paths):
    assert len(public_paths.channels) == 12
    assert public_paths.total_conversions == 19785
    assert public_paths.total_nulls == 68602
    assert public_paths.total_revenue == pytest.approx(74802.9716, abs=5e-5)


def test_last_touch_matches_the_published_credit(public_paths):
    assert attribute(public_paths, "last").by_channel() == {
        "alpha": 8447, "eta": 4167, "iota": 3355, "lambda": 1207, "beta": 989, "theta": 653,
        "epsilon": 531, "kappa": 230, "zeta": 107, "gamma": 92, "delta": 5, "mi": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "alpha", "iota", "eta"),
    [("position", 7444.824, 3944.948, 3618.796), ("markov", 5344.948, 3884.615, 3340.847)],
)
def test_position_and_markov_match_the_published_credit(public_paths, model, alpha, iota, eta):
    credit = attribute(public_paths, model).by_channel()
    assert [credit["alpha"], credit["iota"], credit["eta"]] == pytest.approx([alpha, iota, eta], abs=5e-4)


def test_markov_chain_reproduces_the_observed_conversion_rate(public_paths):
    p = public_paths
    effects = removal_effects(Transitions.of(p), p.conversions[None], p.nulls[None], p.revenue[None])
    assert effects.conversion_rate[0] == pytest.approx(0.2238451356, abs=5e-11)


def test_textbook_chain_of_three_channels():
    paths = ConversionPaths.from_sequences(
        [["C1", "C2", "C3"], ["C1"], ["C2", "C3"]], [1, 0, 0], [0, 1, 1], [0, 0, 0]
    )
    result = attribute(paths, "markov")
    assert result.removal_effect.tolist() == pytest.approx([0.5, 1, 1])
    assert result.shares.tolist() == pytest.approx([0.2, 0.4, 0.4])


@settings(deadline=None)
@given(journeys)
@example([(["a", "a"], 1, 0, 5e-324, 0.0)])  # the smallest float there is
def test_every_model_credits_all_conversions_and_all_revenue(rows):
    paths = encode(rows)
    results = attribute_all(paths)
    assert set(results) == set(MODELS)
    for result in results.values():
        assert result.conversions.sum() == pytest.approx(paths.total_conversions)
        assert result.revenue.sum() == pytest.approx(paths.total_revenue)
        assert (result.conversions >= 0).all()


@settings(deadline=None)
@given(journeys, st.randoms())
def test_credit_does_not_depend_on_the_order_of_paths(rows, random):
    shuffled = random.sample(rows, len(rows))
    before, after = attribute_all(encode(rows)), attribute_all(encode(shuffled))
    for model in MODELS:
        assert after[model].conversions == pytest.approx(before[model].conversions)
        assert after[model].revenue == pytest.approx(before[model].revenue)


@settings(deadline=None)
@given(journeys, st.permutations(CHANNELS))
def test_renaming_channels_renames_the_credit(rows, names):
    mapping = dict(zip(CHANNELS, names, strict=True))
    renamed = [([mapping[channel] for channel in path], *rest) for path, *rest in rows]
    before, after = attribute_all(encode(rows)), attribute_all(encode(renamed))
    for model in MODELS:
        expected = {mapping[name]: credit for name, credit in before[model].by_channel().items()}
        assert after[model].by_channel() == pytest.approx(expected)


def rate_without(rows, removed):
    """Conversion probability by iterating the chain, with every step into ``removed`` going to null."""
    names = ["start", *CHANNELS, "won", "lost"]
    index = {name: i for i, name in enumerate(names)}
    flow = np.zeros((len(names), len(names)))
    for path, converted, lost, *_ in rows:
        for source, target in zip(["start", *path], path, strict=False):
            flow[index[source], index[target]] += converted + lost
        flow[index[path[-1]], index["won"]] += converted
        flow[index[path[-1]], index["lost"]] += lost
    flow[:, index["lost"]] += flow[:, [index[name] for name in removed]].sum(axis=1)
    flow[:, [index[name] for name in removed]] = 0
    flow[[index["won"], index["lost"]], [index["won"], index["lost"]]] = 1
    step = flow / np.maximum(flow.sum(axis=1, keepdims=True), 1e-300)
    return np.linalg.matrix_power(step, 2**20)[0, index["won"]]


@settings(max_examples=50, deadline=None)
@given(journeys)
def test_markov_removal_effects_equal_brute_force_removal(rows):
    paths = encode(rows)
    whole = rate_without(rows, [])
    expected = [1 - rate_without(rows, [channel]) / whole for channel in paths.channels]
    assert attribute(paths, "markov").removal_effect.tolist() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(journeys)
def test_shapley_equals_the_average_over_all_orders_of_arrival(rows):
    paths = encode(rows)

    def value(coalition):
        return sum(converted for path, converted, *_ in rows if set(path) <= set(coalition))

    orders = list(permutations(paths.channels))
    expected = {
        channel: sum(
            value(order[: order.index(channel) + 1]) - value(order[: order.index(channel)])
            for order in orders
        )
        / len(orders)
        for channel in paths.channels
    }
    assert attribute(paths, "shapley").by_channel() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "credit"),
    [
        ("first", {"a": 1, "b": 0, "c": 0, "d": 0}),
        ("linear", {"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}),
        ("position", {"a": 0.4, "b": 0.1, "c": 0.1, "d": 0.4}),
        ("w-shaped", {"a": 0.3, "b": 0.3, "c": 0.1, "d": 0.3}),
    ],
)
def test_rules_split_one_journey_of_four_touches(model, credit):
    paths = ConversionPaths.from_sequences([list("abcd")], [1], [0], [8])
    assert attribute(paths, model).by_channel() == pytest.approx({"a": 0, "b": 0, "c": 0, "d": 0} | credit)


@pytest.mark.parametrize("model", ["position", "w-shaped", "linear", "shapley"])
def test_two_touches_share_equally(model):
    paths = ConversionPaths.from_sequences([["a", "b"]], [1], [0], [0])
    assert attribute(paths, model).by_channel() == pytest.approx({"a": 0.5, "b": 0.5})


def test_time_decay_halves_every_seven_days():
    paths = ConversionPaths.from_sequences([["a", "b", "c"]], [7], [0], [7], ages=[[14, 7, 0]])
    assert attribute(paths, "time-decay").by_channel() == pytest.approx({"a": 1, "b": 2, "c": 4})


def test_time_decay_survives_very_old_touches():
    paths = ConversionPaths.from_sequences([["a", "b"]], [3], [0], [0], ages=[[1e6 + 7, 1e6]])
    assert attribute(paths, "time-decay").by_channel() == pytest.approx({"a": 1, "b": 2})


def test_w_shape_follows_known_milestones():
    paths = ConversionPaths(
        channels=("a", "b", "c", "d"),
        touches=np.arange(4),
        offsets=np.array([0, 4]),
        conversions=np.array([1.0]),
        nulls=np.array([0.0]),
        revenue=np.array([0.0]),
        milestones=np.array([[2, 2]]),
    )
    result = attribute(paths, "w-shaped")
    assert result.by_channel() == pytest.approx({"a": 0.3, "b": 0.05, "c": 0.6, "d": 0.05})
    assert result.assumption == ""


def test_time_decay_without_touch_times_is_unavailable(public_paths):
    assert attribute(public_paths, "time-decay") == Unavailable(
        "Time-decay needs touch times, and these paths carry none."
    )


def test_without_conversions_nothing_is_attributed():
    paths = ConversionPaths.from_sequences([["a"]], [0], [5], [0])
    assert {type(result) for result in attribute_all(paths).values()} == {Unavailable}


def test_agreed_names_lead_to_models():
    assert AGREED == {"first-touch": "first", "last-touch": "last", "multi-touch": "markov"}
    with pytest.raises(KeyError):
        attribute(ConversionPaths.from_sequences([["a"]], [1], [0], [0]), "best")


def test_models_leave_the_encoded_paths_unchanged(public_paths):
    before = public_paths.offsets.copy(), public_paths.touches.copy()
    attribute_all(public_paths)
    assert (public_paths.offsets == before[0]).all()
    assert (public_paths.touches == before[1]).all()
