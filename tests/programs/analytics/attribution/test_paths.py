import numpy as np
import pytest

from programs.analytics.attribution import ConversionPaths


def build(**changes):
    fields = {
        "channels": ("a", "b"),
        "touches": np.array([0, 1, 1]),
        "offsets": np.array([0, 2, 3]),
        "conversions": np.array([1.0, 2.0]),
        "nulls": np.array([0.0, 3.0]),
        "revenue": np.array([5.0, 6.0]),
    }
    return ConversionPaths(**fields | changes)


def test_identical_paths_are_merged_with_their_counts_and_revenue():
    paths = ConversionPaths.from_sequences([["b", "a"], ["a"], ["b", "a"]], [1, 2, 3], [4, 5, 6], [7, 8, 9])
    assert paths.channels == ("a", "b")
    assert paths.offsets.tolist() == [0, 1, 3]
    assert paths.touches.tolist() == [0, 1, 0]
    assert paths.conversions.tolist() == [2, 4]
    assert paths.nulls.tolist() == [5, 10]
    assert paths.revenue.tolist() == [8, 16]


def test_paths_that_differ_in_age_stay_apart():
    paths = ConversionPaths.from_sequences([["a"], ["a"]], [1, 1], [0, 0], [1, 1], ages=[[1], [2]])
    assert sorted(paths.ages.tolist()) == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"offsets": np.array([0, 2, 4])},
        {"offsets": np.array([0, 3, 3])},
        {"touches": np.array([0, 1, 2])},
        {"nulls": np.array([0.0, -1.0])},
        {"revenue": np.array([np.nan, 1.0])},
        {"conversions": np.array([0.0, 2.0])},
        {"ages": np.array([1.0, 2.0])},
        {"milestones": np.array([[0, 2], [0, 0]])},
    ],
)
def test_impossible_paths_are_refused(changes):
    with pytest.raises(ValueError, match="must|needs|cannot"):
        build(**changes)
