"""Every question that two engines are both asked, with what it is asked of and with."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from programs.datasets.engines.query import PERIODS, QueryEngine
from programs.datasets.snapshots.store import Snapshot

Kinds = Mapping[str, Snapshot]


def times(end: datetime) -> dict[str, datetime]:
    return {"start": end - timedelta(days=40), "end": end - timedelta(days=3)}


def loyalty(end: datetime) -> Mapping[str, tuple[str, list[dict[str, Any]]]]:
    """Question → method and the arguments of every asking; kinds come as positional arguments."""
    now = {"as_of": end}
    periods = [{"period": period} for period in PERIODS]
    spans = [{**now, "days": days} for days in (1, 90, 365)]
    return {
        "cohort_matrix": ("cohort_matrix", periods),
        "monthly_revenue": ("revenue_by_period", periods),
        "member_rfm": ("member_rfm", [now, {"as_of": end - timedelta(days=100)}]),
        "first_year_spend": ("first_year_spend", spans),
        "spend_by_age": ("spend_by_age", spans),
        "spend_by_age_month": ("spend_by_age_month", [{**now, "months": n} for n in (1, 6)]),
        "trailing_spend": ("trailing_spend", spans),
        "retained_members": (
            "retained_members",
            [{"start": end - timedelta(days=200), "middle": end - timedelta(days=100), **now}],
        ),
        "lapse_table": ("lapse_table", [{**now, **p, "inactive_days": n} for p in periods for n in (30, 90)]),
        "purchase_spells": ("purchase_spells", [now]),
        "repeat_purchase": ("repeat_purchase", spans),
        "newest_cohorts": ("newest_cohorts", [{**more, "width": n} for more in spans for n in (1, 28)]),
    }


KINDS_OF = {
    "ledger_flows": ("point_ledger",),
    "ledger_members": ("point_ledger", "members"),
    "ledger_triangle": ("point_ledger",),
    "ledger_vintages": ("point_ledger",),
    "recorded_tiers": ("members",),
    "survey_days": ("survey_responses",),
    "survey_scores": ("survey_responses",),
    "nps_groups": ("survey_responses",),
    "usage_activity": ("usage_events",),
}


def others(end: datetime) -> Mapping[str, tuple[str, list[dict[str, Any]]]]:
    window, now = times(end), {"as_of": end}
    periods = [{**now, "period": period} for period in PERIODS]
    return {
        "ledger_flows": ("ledger_flows", periods),
        "ledger_members": ("ledger_members", [now]),
        "ledger_triangle": ("ledger_triangle", periods),
        "ledger_vintages": ("ledger_vintages", periods),
        "recorded_tiers": ("recorded_tiers", [window]),
        "survey_days": ("survey_days", [now]),
        "survey_scores": ("survey_scores", periods),
        "nps_groups": ("nps_groups", [window]),
        "usage_activity": ("usage_activity", periods),
    }


def askings(question: str, kinds: Kinds, end: datetime) -> Iterator[Callable[[QueryEngine], pa.Table]]:
    """Each way in which the question can be asked of these snapshots; none where a kind is missing."""
    known = {**loyalty(end), **others(end)}
    method, arguments = known[question]
    needed = KINDS_OF.get(question, ("purchases",))
    if set(needed) <= kinds.keys():
        given = [kinds[kind] for kind in needed]
        for more in arguments:
            yield lambda engine, more=more: getattr(engine, method)(*given, **more)
