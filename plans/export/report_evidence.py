"""The evidence of a printed report: who decided, what was done, what changed, and what seals it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.export import paper
from plans.export.paper import Part
from plans.templatetags.gtm import cell, money

MOST_CHANGES = 400


def parts(document: Mapping[str, Any]) -> list[Part]:
    """Everything about the run itself, in the order in which people ask for it."""
    return [
        *_asked(document),
        *_results(document),
        *_tasks(document),
        *_trouble(document),
        *_rules(document),
        *_changes(document),
        *_integrity(document),
    ]


def approvals(document: Mapping[str, Any]) -> list[Part]:
    """Who was asked, and who said what; nothing where nobody is."""
    rows = []
    for one in document["approvals"]:
        said = [_decision(d) for d in one["decisions"]]
        said += [_broken(g) for g in one.get("break_glass", [])]
        amount = money(one["amount"], one["currency"])
        title = f"{one['title']}, round {one['round']}"
        rows.append((title, in_words(one["status"]), amount, "\n".join(said) or "–"))
    return paper.section("Approvals", ("Approval", "State", "Amount", "Who said what"), rows)


def in_words(state: str) -> str:
    """A state as people write it."""
    return state.replace("_", " ").capitalize()


def _decision(decision: Mapping[str, Any]) -> str:
    behalf = f" for {decision['on_behalf_of']}" if decision["on_behalf_of"] else ""
    said = f": “{decision['comment']}”" if decision["comment"] else ""
    void = f" (does not count: {decision['void_reason']})" if decision["void_reason"] else ""
    changed = " (changed later)" if decision["superseded_at"] else ""
    at = _time(decision["at"])
    return (
        f"{decision['person']}{behalf}, {at}: {in_words(decision['decision']).lower()}{said}{void}{changed}"
    )


def _broken(use: Mapping[str, Any]) -> str:
    second, review = use["agreed_by"] or "nobody yet", use["review"] or "owed"
    return f"Break-glass by {use['asked_by']} and {second}: {use['reason']} Review: {review}"


def _asked(document: Mapping[str, Any]) -> list[Part]:
    subject, command = document["subject"], document["command"]
    facts = [
        ("Plan", f"{document['plan_id']}, revision {document['revision']}"),
        ("Status", in_words(document["status"])),
        ("For", ", ".join(filter(None, [subject["name"], subject.get("campaign")]))),
        ("Asked by", f"{document['created_by']}, {_time(document['created_at'])}"),
        ("Finished", _time(document["finished_at"])),
        ("Command", command["usage"]),
        *((f"Input {name}", _value(value)) for name, value in sorted(command["inputs"].items())),
        *(
            ("Data", f"{d['kind']}, {cell(d['rows'])} rows, {d['sha256'][:12]}…")
            for d in document["datasets"]
        ),
    ]
    return paper.section("What was asked", ("What", "Value"), facts)


def _results(document: Mapping[str, Any]) -> list[Part]:
    rows = [
        (m["label"], _target(m), cell(m["actual"]), {True: "met", False: "not met", None: m["why"]}[m["met"]])
        for m in document["success_metrics"]
    ]
    return paper.section("Success metrics", ("Metric", "Target", "Actual", "Met"), rows)


def _target(metric: Mapping[str, Any]) -> str:
    """In words, and as the value where there is one."""
    if metric["target"] is None:
        return str(metric["target_text"])
    return f"{metric['target_text']} ({metric['comparator']} {cell(metric['target'])})"


def _tasks(document: Mapping[str, Any]) -> list[Part]:
    rows = [
        (t["task_id"], t["name"], t["owner"] or t["agent"], in_words(t["status"]), _attempts(t))
        for stage in document["stages"]
        for t in stage["tasks"]
    ]
    head = ("No.", "Task", "Who", "State", "Attempts")
    return paper.section("Tasks", head, rows)


def _attempts(task: Mapping[str, Any]) -> str:
    told = []
    for one in task["attempts"]:
        took = f" in {one['seconds']:,.1f} s" if one["seconds"] is not None else ""
        error = f": {one['error']}" if one["error"] else ""
        told.append(
            f"{one['number']} of {task['max_attempts']} ({one['executor']}) {one['outcome']}{took}{error}"
        )
    return "\n".join(told) or "–"


def _trouble(document: Mapping[str, Any]) -> list[Part]:
    cases = [
        (_time(c["opened_at"]), c["subject"], in_words(c["status"]), c["remediation"] or c["detail"] or "–")
        for c in document["escalations"]
    ]
    pulls = [
        (
            _time(p["pulled_at"]),
            p["reason"],
            in_words(p["status"]),
            f"{p['pulled_by']}; {p['remediation'] or '–'}",
        )
        for p in document["ripcord"]
    ]
    head = ("When", "What", "State", "What was done")
    return [*paper.section("Escalations", head, cases), *paper.section("Rip-cord", head, pulls)]


def _rules(document: Mapping[str, Any]) -> list[Part]:
    rows = [
        (i["text"], in_words(i["result"]), i.get("evidence") or "–") for i in document["review_checklist"]
    ]
    ladder = "; ".join(f"{r['rung']}. {r['role']} ({r['effect']})" for r in document["escalation_ladder"])
    parts = paper.section("Review checklist", ("Item", "Result", "Evidence"), rows)
    return [*parts, paper.remark(f"{document['strategy_rationale']} Ladder: {ladder}.")]


def _changes(document: Mapping[str, Any]) -> list[Part]:
    log = document["change_log"]
    rows = [
        (
            r["sequence"],
            _time(r["at"]),
            _who(r),
            f"{r['object']}: {r['event']}",
            _moved(r),
            r["reason"] or "–",
        )
        for r in log[-MOST_CHANGES:]
    ]
    head = ("No.", "When (UTC)", "Who", "What", "From → to", "Why")
    parts = paper.section("Change log", head, rows)
    if len(log) > MOST_CHANGES:
        parts.append(paper.remark(f"The last {MOST_CHANGES} of {len(log):,} rows; the plan JSON holds all."))
    return parts


def _who(row: Mapping[str, Any]) -> str:
    if row["erased"]:
        return "(erased)"
    return f"{row['actor']} for {row['on_behalf_of']}" if row["on_behalf_of"] else row["actor"]


def _moved(row: Mapping[str, Any]) -> str:
    if not row["field"]:
        return "–"
    before, after = (_value(row[side])[:120] for side in ("from", "to"))
    return f"{row['field']}: {before} → {after}"


def _integrity(document: Mapping[str, Any]) -> list[Part]:
    found = document["integrity"]
    rows = [
        ("Chain", f"{found['chain']}, {cell(found['length'])} rows"),
        ("Head", found["head"]),
        ("Seal of the document", found["seal"]),
        ("Seed", str(found["seed"])),
        ("Versions", ", ".join(f"{name} {number}" for name, number in sorted(found["versions"].items()))),
    ]
    told = "This is a reading copy. Verify the plan JSON: manage.py verify_changelog FILE"
    return [*paper.section("Integrity", ("What", "Value"), rows), paper.remark(told)]


def _time(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "–"


def _value(value: Any) -> str:
    """A stored value in a line: lists and objects by their parts."""
    if isinstance(value, Mapping):
        if {"amount", "currency"} <= value.keys():
            rest = {key: item for key, item in value.items() if key not in ("amount", "currency")}
            return ", ".join(filter(None, [money(value["amount"], value["currency"]), _value(rest)]))
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    return cell(value)
