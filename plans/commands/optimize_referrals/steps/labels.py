"""How good the proposals are, where anybody knows: decided cases, a random audit sample, a file that labels everything.

Labels of part of the data measure nothing: whoever labelled chose what to label, mostly what was suspected. A label
reaches the scores only as a decision of people (``fit``), and the heuristics never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gtm.core import canonical
from gtm.core.money import minor_units
from plans.commands.optimize_referrals.steps.screen import rules_of
from plans.commands.shared.figures import figure, value_of, with_ends
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Figure, Table
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.fraud.audit import (
    NOTHING_DECIDED,
    NOTHING_KNOWN,
    Reliable,
    audited_recall,
    brier_score,
    clustered_rate,
    reliability,
)
from programs.analytics.fraud.review import Review
from programs.analytics.fraud.scoring import Accuracy, accuracy, case_accuracy
from programs.analytics.rates import wilson_rate

AT_LEAST_HALF = "A case counts as fraud where at least half of its labelled referrals are"
BY_SAMPLE = "Of referrals won: by the decided cases, and by a random sample of what was not proposed"
WHOLE_FILE = "Of the fraud that the data label; they label every referral"
AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class LabelAccuracy:
    """Accuracy in referrals and in cases, over ``labelled`` referrals; how decided cases came out.

    ``audit`` is the random sample as cases for people, ``audited`` of them are decided; ``bands`` show whether the
    scores are chances, ``brier`` how far from what turned out, against ``brier_of_rate`` of the mere base rate.
    """

    by_referral: Accuracy
    by_case: Accuracy
    labelled: int
    confirmed: MaybeEstimate
    basis: str
    audit: tuple[dict[str, Any], ...]
    audited: int
    population: int
    bands: tuple[Reliable, ...]
    brier: float | None
    brier_of_rate: float | None

    def values(self) -> dict[str, Any]:
        return {
            "labelled": self.labelled,
            "precision": value_of(self.by_referral.precision),
            "recall": value_of(self.by_referral.recall),
            "precision_interval": with_ends(self.by_referral.precision)[1:],
            "recall_interval": with_ends(self.by_referral.recall)[1:],
            "case_precision": value_of(self.by_case.precision),
            "case_recall": value_of(self.by_case.recall),
            "confirmed_share": value_of(self.confirmed),
            "measured_by": self.basis,
            "audit": list(self.audit),
            "audited": self.audited,
            "not_proposed": self.population,
            "brier": self.brier,
            "brier_of_base_rate": self.brier_of_rate,
        }

    def figures(self) -> list[Figure]:
        recall_words = WHOLE_FILE if self.basis == "file" else BY_SAMPLE
        told = (
            ("case_precision", "Precision, in cases", self.by_case.precision, AT_LEAST_HALF),
            ("case_recall", "Recall, in cases", self.by_case.recall, f"{AT_LEAST_HALF}. {recall_words}"),
            ("precision", "Precision, in referrals", self.by_referral.precision, ""),
            ("recall", "Recall, in referrals", self.by_referral.recall, recall_words),
        )
        found = [
            figure(key, label, estimate, unit="%", scale=100, definition=definition)
            for key, label, estimate, definition in told
            if self.basis or key == "recall"
        ]
        if value_of(self.confirmed) is not None:
            found.append(
                figure("confirmed_share", "Confirmed of the cases people decided", self.confirmed, unit="%", scale=100)
            )  # fmt: skip
        return found

    def tables(self) -> list[Table]:
        if not self.bands:
            return []
        body = [
            [f"{band.low:g} to {band.high:g}", band.labels, band.mean_score, *with_ends(band.share)]
            for band in self.bands
        ]
        said = (
            f"Squared error of the chances {self.brier:.4f}, of the base rate alone {self.brier_of_rate:.4f}."
            if self.brier is not None
            else ""
        )
        return [Table(
            "reliability",
            "Are the scores chances?",
            [Column("band", "Score"), Column("labels", "Labelled referrals", "integer"),
             Column("mean", "Mean score", "number"), Column("share", "Fraud", "percent"),
             Column("low", "from", "percent"), Column("high", "to", "percent")],
            body,
            f"Where scores are chances, the share of fraud is the mean score. {said}".strip(),
        )]  # fmt: skip

    @property
    def note(self) -> str:
        if self.basis == "file":
            return "Precision and recall are measured on the labels in the data, which cover every referral. The heuristics see none."
        if not self.basis:
            return NOTHING_DECIDED
        return (
            f"Precision is measured on decided cases, recall on a random sample of the {self.population:,} referrals won "
            f"that were not proposed, {self.audited} of which are decided."
        )


def labels_of(context: StepContext) -> dict[str, tuple[bool, float]]:
    """Referral → (whether people found it fraud, its weight): one decision counts as one label."""
    found: dict[str, tuple[bool, float]] = {}
    for decision in context.program.get("decisions", ()):
        weight = 1 / max(len(decision["referrals"]), 1)
        found |= dict.fromkeys(decision["referrals"], (decision["fraud"], weight))
    return found


def measure(
    context: StepContext, found: Review, held: np.ndarray, won: np.ndarray, span: Span
) -> LabelAccuracy:
    """Hold proposals against what is known at the end of the window. A decided case outweighs the file."""
    proposed = {key for key, is_held in zip(found.referral_ids, held.tolist(), strict=True) if is_held}
    proposed_won = {
        key
        for key, is_held, is_won in zip(found.referral_ids, held.tolist(), won.tolist(), strict=True)
        if is_held and is_won
    }
    drawn = context.data.engine.referral_audit(
        context.data.snapshot("referrals"),
        proposed=sorted(proposed_won),
        salt=str(context.program.get("slug", "")),
        size=int(rules_of(context.program)["audit_size"]),
        as_of=span.end,
    ).to_pylist()
    outcomes = context.program.get("decided_cases", {})
    confirmed, released = outcomes.get("confirmed", 0), outcomes.get("released", 0)
    told = drawn[0] if drawn else {"known": 0, "labelled": 0}
    is_whole = 0 < told["known"] == told["labelled"]
    sample = [row for row in drawn if row["referral_id"] is not None]
    population = sample[0]["population"] if sample else 0
    scored = dict(zip(found.referral_ids, found.scores.tolist(), strict=True))
    decided: Mapping[str, bool] = context.program.get("case_labels", {})
    audit_labels = [decided[row["referral_id"]] for row in sample if row["referral_id"] in decided]
    by_referral, by_case, labels = (
        _by_file(context, found, proposed, decided, span)
        if is_whole
        else _by_people(context, found, proposed, proposed_won, audit_labels, population, decided)
    )
    known = sorted(key for key in labels if key in scored or key in decided)
    scores = np.array([scored.get(key, found.unseen) for key in known], dtype=np.float64)
    fraud = np.array([labels[key] for key in known], dtype=np.float64)
    rate = float(fraud.mean()) if len(known) else 0.0
    return LabelAccuracy(
        by_referral=by_referral,
        by_case=by_case,
        labelled=len(labels),
        confirmed=wilson_rate(confirmed, confirmed + released),
        basis="file" if is_whole else "people" if labels else "",
        audit=() if is_whole else tuple(_audit_case(context, row, scored.get(row["referral_id"], found.unseen)) for row in sample),
        audited=len(audit_labels),
        population=population,
        bands=reliability(scores, fraud) if len(known) else (),
        brier=brier_score(scores, fraud) if len(known) else None,
        brier_of_rate=rate * (1 - rate) if len(known) else None,
    )  # fmt: skip


def _by_file(
    context: StepContext, found: Review, proposed: set[str], decided: Mapping[str, bool], span: Span
) -> tuple[Accuracy, Accuracy, dict[str, bool]]:
    """Against a file that labels every referral."""
    judged = dict(zip(found.referral_ids, found.owners.tolist(), strict=True))
    rows = context.data.engine.referral_labels(
        context.data.snapshot("referrals"), judged=sorted(judged), as_of=span.end
    ).to_pylist()
    label = {row["referral_id"]: row["fraud"] for row in rows}
    label |= {key: fraud for key, fraud in decided.items() if fraud or key in proposed}
    referrer = {row["referral_id"]: row["referrer_id"] for row in rows}
    known = sorted(key for key in label if key in judged or key in referrer)
    owners = np.array([judged.get(key) or f"referrer:{referrer[key]}" for key in known], dtype=object)
    flagged = np.array([key in proposed for key in known], dtype=bool)
    fraud = np.array([label[key] for key in known], dtype=bool)
    return accuracy(flagged, fraud), case_accuracy(owners, flagged, fraud), label


def _by_people(
    context: StepContext,
    found: Review,
    proposed: set[str],
    proposed_won: set[str],
    audit_labels: Sequence[bool],
    population: int,
    decided: Mapping[str, bool],
) -> tuple[Accuracy, Accuracy, dict[str, bool]]:
    """Against decided cases, and for recall the random sample alone."""
    # A later decision about a referral replaces an earlier one.
    last = {key: each["key"] for each in context.program.get("decisions", ()) for key in each["referrals"]}
    groups: dict[str, list[bool]] = {}
    for key in sorted(decided):
        if key in proposed:
            groups.setdefault(last.get(key, key), []).append(decided[key])
    precision = clustered_rate(list(groups.values()))
    recall = audited_recall(precision, len(proposed_won), sum(audit_labels), len(audit_labels), population)
    right = sum(2 * sum(each) >= len(each) for each in groups.values())
    unknown = Unavailable(NOTHING_KNOWN)
    return Accuracy(precision, recall), Accuracy(wilson_rate(right, len(groups)), unknown), dict(decided)


def _audit_case(context: StepContext, row: Mapping[str, Any], score: float) -> dict[str, Any]:
    """One referral of the random sample, as a case for people."""
    due, currency = float(row["due"]), str(context.program["currency"])
    digits = minor_units(currency)
    return {
        "key": f"audit-{canonical.digest([context.program.get('slug', ''), row['referral_id']])[:16]}",
        "kind": AUDIT,
        "proposal": "none",
        "referrals": [row["referral_id"]],
        "referrers": 1,
        "score": round(score, 2),
        "at_risk": round(due, digits),
        "paid": 0.0,
        "expected_loss": round(due * score / 100, digits),
        "currency": currency,
        "evidence": [{
            "heuristic": AUDIT, "title": "Random audit sample", "referrals": 1,
            "seen": "Drawn at random from the referrals won that were not proposed.",
            "false_positives": "Nothing speaks against it.",
        }],
    }  # fmt: skip
