"""Which months points come from if the newest are spent first."""

import numpy as np

from programs.analytics.newest_first import newest_first


def moves(*rows):
    """Rows of (member, month, left, redeemed, expired)."""
    member, month, left, redeemed, expired = np.array(rows, dtype=float).T
    return (
        member.astype(int),
        month.astype(int),
        left,
        {"redeemed": redeemed, "expired": expired},
    )


def test_redemptions_take_the_newest_points_there_are_and_expiry_the_oldest():
    placed, uncovered = newest_first(
        *moves((1, 0, 100, 30, 0), (1, 1, 100, 120, 0), (1, 2, 0, 0, 40), (1, 3, 0, 20, 0)), oldest="expired"
    )
    assert placed["redeemed"].tolist() == [[30, 20, 0, 10], [0, 100, 0, 0], [0] * 4, [0] * 4]
    assert placed["expired"].tolist() == [[0, 0, 40, 0], [0] * 4, [0] * 4, [0] * 4]
    assert uncovered["redeemed"].tolist() == [0, 0, 0, 10]  # 50 were left, 40 of them expired
    assert uncovered["expired"].sum() == 0


def test_one_member_never_spends_the_points_of_another(monkeypatch):
    monkeypatch.setattr("programs.analytics.newest_first.MEMBERS_AT_ONCE", 1)
    placed, uncovered = newest_first(*moves((7, 0, 100, 0, 0), (9, 0, 10, 30, 0)), oldest="expired")
    assert placed["redeemed"].tolist() == [[10]]
    assert uncovered["redeemed"].tolist() == [20]
