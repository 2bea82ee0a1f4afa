"""Who is the same person in two partners' records, or twice in one: pairs, posteriors, precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from scipy.special import logit

from programs.analytics.attribution.paths import Floats, Ints
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.identity.comparison import Columns, Field, candidate_pairs, compare
from programs.analytics.identity.fellegi_sunter import LinkageModel, fit, levels_to_u

U_SAMPLE = 200_000


@dataclass(frozen=True)
class Linkage:
    """Accepted pairs and how sure they are.

    ``pairs``         (left, right) indices, shape (M, 2); for one file left < right
    ``posterior``     P(same) of each pair, shape (M,)
    ``weight``        evidence of each pair in bits, shape (M,)
    ``review``        pairs between ``review_from`` and the threshold, for a person, best first
    ``precision``     expected share of true pairs among the accepted (mean posterior, no labels)
    ``compared``      candidate pairs compared; ``skipped`` what blocking left out, by rule
    """

    pairs: Ints
    posterior: Floats
    weight: Floats
    review: Ints
    precision: Estimate | Unavailable
    model: LinkageModel
    compared: int
    skipped: tuple[tuple[str, int], ...]


def link(
    left: Columns,
    right: Columns,
    fields: Sequence[Field],
    blocking: Sequence[Sequence[str]],
    rng: np.random.Generator,
    *,
    threshold: float = 0.5,
    review_from: float = 0.05,
) -> Linkage | Unavailable:
    """Link two files one to one: each record has at most one partner (Jaro 1989).

    Among pairs with a posterior of at least ``threshold``, the assignment with the greatest total
    log-odds above it is taken. Unavailable when no pair shares a blocking key. Raises ValueError
    for thresholds out of order.
    """
    return _run(left, right, fields, blocking, rng, threshold, review_from)


def deduplicate(
    records: Columns,
    fields: Sequence[Field],
    blocking: Sequence[Sequence[str]],
    rng: np.random.Generator,
    *,
    threshold: float = 0.5,
    review_from: float = 0.05,
) -> Linkage | Unavailable:
    """Find pairs of records of one file that are the same; a record may be in several pairs."""
    return _run(records, None, fields, blocking, rng, threshold, review_from)


def clusters(pairs: Ints, records: int) -> Ints:
    """Cluster label of each of one file's records: connected components of the pairs, shape (N,)."""
    graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(records, records))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def assign_one_to_one(pairs: Ints, gain: Floats) -> Ints:
    """Positions in ``pairs`` of the assignment with the greatest total gain (all gains above 0), sorted.

    Solved exactly, one connected component at a time (Hungarian method).
    """
    if not len(pairs):
        return np.empty(0, dtype=np.int64)
    rows, columns = (np.unique(pairs[:, side], return_inverse=True)[1] for side in (0, 1))
    size = int(rows.max()) + 1
    nodes = size + int(columns.max()) + 1
    graph = sparse.coo_array((np.ones(len(pairs)), (rows, size + columns)), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(component, kind="stable")
    chosen = []
    for members in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        if len(members) == 1:
            chosen.append(members)
            continue
        row_names, row = np.unique(rows[members], return_inverse=True)
        column_names, column = np.unique(columns[members], return_inverse=True)
        table = np.zeros((len(row_names), len(column_names)))
        position = np.full(table.shape, -1, dtype=np.int64)
        table[row, column], position[row, column] = gain[members], members
        taken = position[linear_sum_assignment(table, maximize=True)]
        chosen.append(taken[taken >= 0])
    return np.sort(np.concatenate(chosen))


def _run(
    left: Columns,
    right: Columns | None,
    fields: Sequence[Field],
    blocking: Sequence[Sequence[str]],
    rng: np.random.Generator,
    threshold: float,
    review_from: float,
) -> Linkage | Unavailable:
    if not 0 < review_from <= threshold < 1:
        raise ValueError("0 < review_from <= threshold < 1 must hold")
    candidates = candidate_pairs(left, right, blocking)
    if not len(candidates.pairs):
        return Unavailable("No two records share a blocking key: there is nothing to compare.")
    other = left if right is None else right
    counts = tuple(field.levels for field in fields)
    random_pairs = _random_pairs(_rows(left), None if right is None else _rows(right), rng)
    u = levels_to_u(compare(left, other, random_pairs, fields), counts)
    levels = compare(left, other, candidates.pairs, fields)
    records, others = _rows(left), _rows(other)
    all_pairs = records * others if right is not None else records * (records - 1) // 2
    # EM starts from every tenth record of the shorter file having a match.
    model = fit(levels, counts, u=u, all_pairs=all_pairs, prior=0.1 * min(records, others) / all_pairs)
    posterior = model.posterior(levels)
    accepted = np.flatnonzero(posterior >= threshold)
    if right is not None:
        odds = logit(np.clip(posterior[accepted], None, 1 - 1e-15)) - logit(threshold) + 1e-9
        accepted = accepted[assign_one_to_one(candidates.pairs[accepted], odds)]
    doubtful = np.flatnonzero((posterior >= review_from) & (posterior < threshold))
    doubtful = doubtful[np.argsort(-posterior[doubtful], kind="stable")]
    return Linkage(
        pairs=candidates.pairs[accepted],
        posterior=posterior[accepted],
        weight=model.pair_weights(levels[accepted]),
        review=candidates.pairs[doubtful],
        precision=_precision(posterior[accepted]),
        model=model,
        compared=len(candidates.pairs),
        skipped=candidates.skipped,
    )


def _precision(posterior: Floats) -> Estimate | Unavailable:
    if not len(posterior):
        return Unavailable("No pair was accepted, so there is no precision to estimate.")
    value, size = float(posterior.mean()), len(posterior)
    # Pairs are true independently with their posterior: a Poisson binomial share.
    error = float(np.sqrt((posterior * (1 - posterior)).sum())) / size
    return Estimate(
        value=value,
        low=max(0.0, value - 1.959964 * error),
        high=min(1.0, value + 1.959964 * error),
        standard_error=error,
        numerator=float(posterior.sum()),
        denominator=size,
        unit="share of linked pairs",
        method="mean posterior",
    )


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _random_pairs(left: int, right: int | None, rng: np.random.Generator) -> Ints:
    if right is None:
        if left * (left - 1) // 2 <= U_SAMPLE:
            return np.column_stack(np.triu_indices(left, 1)).astype(np.int64)
        first = rng.integers(0, left, U_SAMPLE)
        return np.column_stack([first, (first + rng.integers(1, left, U_SAMPLE)) % left])
    if left * right <= U_SAMPLE:
        return np.column_stack(np.divmod(np.arange(left * right), right)).astype(np.int64)
    return np.column_stack([rng.integers(0, left, U_SAMPLE), rng.integers(0, right, U_SAMPLE)])
