"""How good the proposals are, where anybody knows: labels that came with the data, and decided cases.

A label never reaches the heuristics: they have run when this module is first asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plans.commands.shared.figures import figure, value_of
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Figure
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.fraud.review import Review
from programs.analytics.fraud.scoring import Accuracy, accuracy, case_accuracy
from programs.analytics.rates import wilson_rate

AT_LEAST_HALF = "A case counts as fraud where at least half of its labelled referrals are"
OF_LABELLED = "Of the fraud that the data label. Where only suspects were labelled, the truth is lower."
ONLY_PROPOSED = (
    "People decide on what was proposed, so nothing is known of what was missed. Load labels of a random "
    "sample of referrals to learn it."
)


@dataclass(frozen=True, slots=True)
class LabelAccuracy:
    """Accuracy in referrals and in cases, over ``labelled`` referrals; how decided cases came out."""

    by_referral: Accuracy
    by_case: Accuracy
    labelled: int
    confirmed: MaybeEstimate

    def values(self) -> dict[str, Any]:
        return {
            "labelled": self.labelled,
            "precision": value_of(self.by_referral.precision),
            "recall": value_of(self.by_referral.recall),
            "case_precision": value_of(self.by_case.precision),
            "case_recall": value_of(self.by_case.recall),
            "confirmed_share": value_of(self.confirmed),
        }

    def figures(self) -> list[Figure]:
        if not self.labelled:
            return []
        told = (
            ("case_precision", "Precision, in cases", self.by_case.precision, f"{AT_LEAST_HALF}."),
            ("case_recall", "Recall, in cases", self.by_case.recall, f"{AT_LEAST_HALF}. {OF_LABELLED}"),
            ("precision", "Precision, in referrals", self.by_referral.precision, ""),
            ("recall", "Recall, in referrals", self.by_referral.recall, OF_LABELLED),
        )  # fmt: skip
        found = [
            figure(key, label, estimate, unit="%", scale=100, definition=definition)
            for key, label, estimate, definition in told
        ]
        if value_of(self.confirmed) is not None:
            found.append(
                figure("confirmed_share", "Confirmed of the cases people decided", self.confirmed, unit="%", scale=100)
            )  # fmt: skip
        return found

    @property
    def note(self) -> str:
        if not self.labelled:
            return "Nobody has labelled a referral or decided a case, so precision and recall cannot be measured."
        return (
            "Precision is measured on the labels in the data and on decided cases, recall on the labels in "
            "the data alone. The heuristics see neither."
        )


def measure(context: StepContext, found: Review, held: np.ndarray, span: Span) -> LabelAccuracy:
    """Hold proposals against every label known at the end of the window. A decided case outweighs the file."""
    judged = dict(zip(found.referral_ids, found.owners.tolist(), strict=True))
    proposed = {key for key, is_held in zip(found.referral_ids, held.tolist(), strict=True) if is_held}
    decided: Mapping[str, bool] = context.program.get("case_labels", {})
    rows = context.data.engine.referral_labels(
        context.data.snapshot("referrals"), judged=sorted(proposed), as_of=span.end
    ).to_pylist()
    label = {row["referral_id"]: row["fraud"] for row in rows}
    label |= {key: fraud for key, fraud in decided.items() if fraud or key in proposed}
    referrer = {row["referral_id"]: row["referrer_id"] for row in rows}
    known = sorted(key for key in label if key in judged or key in referrer)
    owners = np.array([judged.get(key) or f"referrer:{referrer[key]}" for key in known], dtype=object)
    flagged = np.array([key in proposed for key in known], dtype=bool)
    fraud = np.array([label[key] for key in known], dtype=bool)
    in_data = np.array([key in referrer for key in known], dtype=bool)
    outcomes = context.program.get("decided_cases", {})
    confirmed, released = outcomes.get("confirmed", 0), outcomes.get("released", 0)
    return LabelAccuracy(
        by_referral=_recall_of_labelled(
            accuracy(flagged, fraud), accuracy(flagged[in_data], fraud[in_data]), fraud[in_data]
        ),
        by_case=_recall_of_labelled(
            case_accuracy(owners, flagged, fraud),
            case_accuracy(owners[in_data], flagged[in_data], fraud[in_data]),
            fraud[in_data],
        ),
        labelled=len(known),
        confirmed=wilson_rate(confirmed, confirmed + released),
    )


def _recall_of_labelled(every: Accuracy, in_data: Accuracy, fraud: np.ndarray) -> Accuracy:
    """Precision of every label, recall of those that came with the data: what was decided was proposed first."""
    recall = in_data.recall if fraud.any() or value_of(every.recall) is None else Unavailable(ONLY_PROPOSED)
    return Accuracy(every.precision, recall)
