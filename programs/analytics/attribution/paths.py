"""Conversion paths, encoded once as flat arrays; every attribution model reads the same object."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SHORT_RANKS = 256


@dataclass(frozen=True)
class ConversionPaths:
    """Journeys grouped by their ordered channels: ``P`` paths, ``T`` touches, ``C`` channels.

    ``channels``     names, shape (C,)
    ``touches``      channel index of each touch, oldest first, all paths concatenated, shape (T,)
    ``offsets``      path ``p`` holds touches ``offsets[p]:offsets[p + 1]``, shape (P + 1,)
    ``conversions``  journeys on this path that converted, shape (P,)
    ``nulls``        journeys on this path that did not, shape (P,)
    ``revenue``      value of the conversions, in one currency, shape (P,)
    ``squares``      sum of the squared values of the conversions, shape (P,); where None, the conversions
                     of a path are worth the same
    ``ages``         days from touch to conversion, shape (T,); None where touch times are unknown
    ``milestones``   position in its path of the touch that created the lead and of the one that
                     opened the opportunity, shape (P, 2); None where unknown

    A journey without any touch has no channel to credit: give it one ("direct") or keep it out
    knowingly. Raises ValueError on shapes, indices or amounts that cannot be.
    """

    channels: tuple[str, ...]
    touches: Ints
    offsets: Ints
    conversions: Floats
    nulls: Floats
    revenue: Floats
    ages: Floats | None = None
    milestones: Ints | None = None
    squares: Floats | None = None

    def __post_init__(self) -> None:
        paths = len(self.offsets) - 1
        if paths < 0 or self.offsets[0] != 0 or self.offsets[-1] != len(self.touches):
            raise ValueError("offsets must run from 0 to the number of touches")
        if (np.diff(self.offsets) < 1).any():
            raise ValueError("every path needs at least one touch")
        if len(self.touches) and not 0 <= self.touches.min() <= self.touches.max() < len(self.channels):
            raise ValueError("touches must index channels")
        for name in ("conversions", "nulls", "revenue"):
            amounts = getattr(self, name)
            if amounts.shape != (paths,) or not (np.isfinite(amounts) & (amounts >= 0)).all():
                raise ValueError(f"{name} must be one finite amount of at least 0 for each path")
        if (self.revenue[self.conversions == 0] > 0).any():
            raise ValueError("a path without conversions cannot carry revenue")
        if self.squares is not None and (
            self.squares.shape != (paths,)
            or not (np.isfinite(self.squares) & (self.squares >= self._equal_squares * (1 - 1e-9))).all()
        ):
            raise ValueError(
                "squares must be one finite sum for each path, and no less than its revenue allows"
            )
        if self.ages is not None and (
            self.ages.shape != self.touches.shape or not (np.isfinite(self.ages) & (self.ages >= 0)).all()
        ):
            raise ValueError("ages must be one finite number of days of at least 0 for each touch")
        if self.milestones is not None and (
            self.milestones.shape != (paths, 2)
            or (self.milestones < 0).any()
            or (self.milestones >= np.diff(self.offsets)[:, None]).any()
        ):
            raise ValueError("milestones must be two positions inside each path")

    @classmethod
    def from_sequences(
        cls,
        paths: Sequence[Sequence[str]] | pa.ListArray,
        conversions: ArrayLike,
        nulls: ArrayLike,
        revenue: ArrayLike,
        *,
        ages: Sequence[Sequence[float]] | None = None,
        squares: ArrayLike | None = None,
    ) -> ConversionPaths:
        """Encode paths of channel names; channels are sorted by name, identical paths are merged.

        ``paths`` may be an Arrow list of strings, which is what splitting text with Arrow gives.
        """
        listed = paths if isinstance(paths, pa.ListArray) else pa.array(paths, pa.list_(pa.string()))
        flat = listed.flatten().dictionary_encode()
        lengths = listed.value_lengths().to_numpy(zero_copy_only=False)
        found = flat.dictionary.to_pylist()
        names = sorted(found)
        place = np.array([bisect_left(names, name) for name in found], dtype=np.int64)
        return cls(
            channels=tuple(names),
            touches=place[flat.indices.to_numpy()],
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            conversions=np.asarray(conversions, dtype=np.float64),
            nulls=np.asarray(nulls, dtype=np.float64),
            revenue=np.asarray(revenue, dtype=np.float64),
            ages=None if ages is None else np.array([age for row in ages for age in row], dtype=np.float64),
            squares=None if squares is None else np.asarray(squares, dtype=np.float64),
        ).aggregated()

    @cached_property
    def lengths(self) -> Ints:
        """Touches of each path, shape (P,)."""
        return np.diff(self.offsets)

    @cached_property
    def path_of_touch(self) -> Ints:
        """Path index of each touch, shape (T,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def _equal_squares(self) -> Floats:
        """Sum of squared values of each path if its conversions are worth the same, shape (P,)."""
        return self.revenue**2 / np.where(self.conversions > 0, self.conversions, 1.0)

    @cached_property
    def value_variance(self) -> Floats:
        """Variance of the values of the conversions within each path, shape (P,)."""
        if self.squares is None:
            return np.zeros(len(self.lengths))
        beyond = np.maximum(self.squares - self._equal_squares, 0.0)
        # What rounding leaves of equal values is no spread.
        beyond[beyond <= 1e-12 * self.squares] = 0.0
        return beyond / np.where(self.conversions > 0, self.conversions, 1.0)

    @property
    def total_conversions(self) -> float:
        return float(self.conversions.sum())

    @property
    def total_nulls(self) -> float:
        return float(self.nulls.sum())

    @property
    def total_revenue(self) -> float:
        return float(self.revenue.sum())

    def aggregated(self) -> ConversionPaths:
        """The same journeys with identical paths (same touches, ages and milestones) merged."""
        keys = self._keys
        keep: list[Ints] = []
        group = np.empty(len(self.lengths), dtype=np.int64)
        for length in np.unique(self.lengths):
            members = np.flatnonzero(self.lengths == length)
            cells = self.offsets[members, None] + np.arange(length)
            rows = [key[cells] for key in keys]
            if self.milestones is not None:
                rows.append(self.milestones[members])
            table = np.ascontiguousarray(np.concatenate(rows, axis=1))
            as_bytes = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
            _, first, inverse = np.unique(as_bytes, return_index=True, return_inverse=True)
            group[members] = inverse + sum(map(len, keep))
            keep.append(members[first])
        chosen = np.concatenate(keep) if keep else np.empty(0, dtype=np.int64)
        lengths = self.lengths[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        cells = np.repeat(self.offsets[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
        return replace(
            self,
            touches=self.touches[cells],
            offsets=starts,
            conversions=np.bincount(group, self.conversions, len(chosen)).astype(np.float64),
            nulls=np.bincount(group, self.nulls, len(chosen)).astype(np.float64),
            revenue=np.bincount(group, self.revenue, len(chosen)).astype(np.float64),
            squares=np.bincount(
                group, self._equal_squares if self.squares is None else self.squares, len(chosen)
            ).astype(np.float64),
            ages=None if self.ages is None else self.ages[cells],
            milestones=None if self.milestones is None else self.milestones[chosen],
        )

    @property
    def _keys(self) -> list[NDArray[Any]]:
        """What tells touches apart, as rows whose bytes sort paths of one length in an order that stays.

        With ages or milestones every value is a float. Without them the rank of a channel does, that of its
        number's bytes as a float: the same order in fewer bytes.
        """
        if self.ages is not None:
            return [self.touches.astype(np.float64), self.ages + 0.0]  # -0.0 is 0.0
        if self.milestones is not None or len(self.channels) > _SHORT_RANKS:
            return [self.touches.astype(np.float64)]
        as_floats = [np.float64(number).tobytes() for number in range(len(self.channels))]
        rank = np.argsort(sorted(range(len(as_floats)), key=as_floats.__getitem__)).astype(np.uint8)
        return [rank[self.touches]]

    def by_channel(self, weight_of_touch: Floats) -> sparse.csr_array:
        """Sum touch weights into a sparse matrix path × channel, shape (P, C)."""
        matrix = sparse.csr_array(
            (weight_of_touch, self.touches, self.offsets),
            shape=(len(self.lengths), len(self.channels)),
            copy=True,  # summing duplicates writes into the offsets
        )
        matrix.sum_duplicates()
        return matrix
