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
    Verdict,
    audited_recall,
    brier_score,
    decided_rate,
    reliability,
    reliability_by_people,
)
from programs.analytics.fraud.review import Review
from programs.analytics.fraud.scoring import Accuracy, accuracy, case_accuracy
from programs.analytics.rates import wilson_rate

AT_LEAST_HALF = "A case counts as fraud where at least half of its labelled referrals are"
BY_CASES = "Of what is proposed. What nobody has decided counts as either in the interval"
BY_SAMPLE = "Of referrals won: by the decided cases, and by a random sample of what was not proposed"
WHOLE_FILE = "Of the fraud that the data label; they label every referral"
AUDIT = "audit"
BY_WHOM = {
    "file": "",
    "people": "Below the score of a hold the random sample tells, from there the decided cases; what is undecided counts as "
    "either in the ranges.",
    "": "",
}


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
    undecided: int
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
            "undecided": self.undecided,
            "brier": self.brier,
            "brier_of_base_rate": self.brier_of_rate,
        }

    def figures(self) -> list[Figure]:
        recall_words, precision_words = (WHOLE_FILE, "") if self.basis == "file" else (BY_SAMPLE, BY_CASES)
        told = (
            (
                "case_precision",
                "Precision, in cases",
                self.by_case.precision,
                f"{AT_LEAST_HALF}. {precision_words}".strip(". "),
            ),
            ("case_recall", "Recall, in cases", self.by_case.recall, f"{AT_LEAST_HALF}. {recall_words}"),
            ("precision", "Precision, in referrals", self.by_referral.precision, precision_words),
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
            f"Where scores are chances, the share of fraud is the mean score. {BY_WHOM[self.basis]} {said}".strip(),
        )]  # fmt: skip

    @property
    def note(self) -> str:
        if self.basis == "file":
            return "Precision and recall are measured on the labels in the data, which cover every referral. The heuristics see none."
        if not self.basis:
            return NOTHING_DECIDED
        return (
            f"Precision is measured on decided cases; {self.undecided:,} referrals proposed for hold are undecided and count as "
            f"either in the intervals. Recall is measured on a random sample of the {self.population:,} referrals won in the "
            f"window or unpaid that were not proposed, {self.audited} of which are decided."
        )


def labels_of(context: StepContext) -> dict[str, tuple[bool, float]]:
    """Referral → (whether people found it fraud, its weight): one decision counts as one label."""
    found: dict[str, tuple[bool, float]] = {}
    for decision in context.program.get("decisions", ()):
        weight = 1 / max(len(decision["referrals"]), 1)
        found |= dict.fromkeys(decision["referrals"], (decision["fraud"], weight))
    return found


def measure(
    context: StepContext, found: Review, held: np.ndarray, won: np.ndarray, actionable: np.ndarray, span: Span
) -> LabelAccuracy:
    """Hold proposals against what is known at the end of the window. A decided case outweighs the file.

    ``held``, ``won`` and ``actionable`` are of the referrals of ``found``: only of what is in the window or unpaid can
    people decide a case, so only of that their decisions and the sample tell.
    """
    keys = np.array(found.referral_ids, dtype=object)
    open_to_people = held & actionable
    proposed_won = keys[open_to_people & won].tolist()
    drawn = context.data.engine.referral_audit(
        context.data.snapshot("referrals"),
        proposed=sorted(keys[held & won].tolist()),
        salt=str(context.program.get("slug", "")),
        size=int(rules_of(context.program)["audit_size"]),
        since=span.start,
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
    verdicts = [decided.get(row["referral_id"]) for row in sample if is_known(context, row["referral_id"])]
    confirmed_rate = wilson_rate(confirmed, confirmed + released)
    audited = sum(each is not None for each in verdicts)
    if is_whole:
        by_referral, by_case, labels = _by_file(context, found, set(keys[held].tolist()), decided, span)
        known = sorted(key for key in labels if key in scored or key in decided)
        scores = np.array([scored.get(key, found.unseen) for key in known], dtype=np.float64)
        fraud = np.array([labels[key] for key in known], dtype=np.float64)
        rate = float(fraud.mean()) if len(known) else 0.0
        return LabelAccuracy(
            by_referral, by_case, labelled=len(labels), basis="file", audit=(), undecided=0,
            bands=reliability(scores, fraud) if len(known) else (),
            brier=brier_score(scores, fraud) if len(known) else None,
            brier_of_rate=rate * (1 - rate) if len(known) else None,
            confirmed=confirmed_rate, audited=audited, population=population,
        )  # fmt: skip
    owners = found.owners[open_to_people].tolist()
    said: list[Verdict] = [decided.get(key) for key in keys[open_to_people].tolist()]
    by_referral, by_case = _by_people(
        owners, said, [decided.get(key) for key in proposed_won], verdicts, population
    )
    sampled = np.array(
        [
            scored.get(row["referral_id"], found.unseen)
            for row in sample
            if is_known(context, row["referral_id"])
        ],
        dtype=np.float64,
    )
    brier, of_rate = _brier(sampled, verdicts, found.scores[open_to_people], said, population)
    return LabelAccuracy(
        by_referral, by_case, labelled=len(decided), basis="people" if decided else "",
        audit=tuple(_audit_case(context, row, scored.get(row["referral_id"], found.unseen)) for row in sample),
        undecided=sum(each is None for each in said),
        bands=reliability_by_people(
            sampled, verdicts, found.scores[open_to_people], said, owners, float(rules_of(context.program)["hold"])
        ) if decided else (),
        brier=brier,
        brier_of_rate=of_rate,
        confirmed=confirmed_rate, audited=audited, population=population,
    )  # fmt: skip


def is_known(context: StepContext, referral: str) -> bool:
    """Whether people were asked about this referral of the sample by an earlier run; the others say nothing yet."""
    asked = context.program.get("audited_referrals")
    return asked is None or referral in asked or referral in context.program.get("case_labels", {})


def _brier(
    sampled: np.ndarray,
    sample: Sequence[Verdict],
    proposed: np.ndarray,
    said: Sequence[Verdict],
    population: int,
) -> tuple[float | None, float | None]:
    """(squared error of the chances, of the base rate): each label stands for as many as it was drawn from."""
    scores, fraud, weights = [], [], []
    for of, verdicts, size in ((sampled, sample, population), (proposed, said, len(said))):
        places = [place for place, each in enumerate(verdicts) if each is not None]
        if size and not places:  # of these referrals nothing is known
            return None, None
        scores += [float(of[place]) for place in places]
        fraud += [float(verdicts[place] or 0) for place in places]
        weights += [size / len(places)] * len(places) if places else []
    if not scores:
        return None, None
    rate = float(np.average(fraud, weights=weights))
    return brier_score(np.array(scores), np.array(fraud), np.array(weights)), rate * (1 - rate)


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
    owners: Sequence[str],
    said: Sequence[Verdict],
    said_won: Sequence[Verdict],
    sample: Sequence[Verdict],
    population: int,
) -> tuple[Accuracy, Accuracy]:
    """Against decided cases, and for recall the random sample alone; ``said`` of what is proposed, by whose case it is."""
    cases: dict[str, list[Verdict]] = {}
    for owner, verdict in zip(owners, said, strict=True):
        cases.setdefault(owner, []).append(verdict)
    whole = [[judged_whole(case)] for case in cases.values()]
    recall = audited_recall(said_won, sample, population)
    return (
        Accuracy(decided_rate(list(cases.values())), recall),
        Accuracy(decided_rate(whole), Unavailable(NOTHING_KNOWN)),
    )


def judged_whole(case: Sequence[Verdict]) -> Verdict:
    """Whether at least half of a case is fraud, as far as people decided it; None where they decided nothing."""
    told = [each for each in case if each is not None]
    return 2 * sum(told) >= len(told) if told else None


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
