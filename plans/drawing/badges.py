"""States as badges: one place for family, label and mark. Never colour alone."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html

from plans.models import Reading, Task

GOOD, BUSY, WAITING, BAD, QUIET = "good", "busy", "waiting", "bad", "quiet"
FAMILIES = {
    "succeeded": GOOD, "approved": GOOD, "resolved": GOOD, "released": GOOD, "succeeded_manual": GOOD,
    "running": BUSY, "leased": BUSY, "fallback_running": BUSY, "ready": BUSY, "fallback_ready": BUSY,
    "in_review": BUSY,
    "awaiting_approval": WAITING, "pending": WAITING, "retry_wait": WAITING, "changes_requested": WAITING,
    "acknowledged": WAITING, "notified": WAITING, "paused": WAITING, "armed": WAITING, "frozen": WAITING,
    "succeeded_degraded": WAITING, "waived": WAITING, "suspended": WAITING, "held": BAD, "blocked": BAD,
    "escalated": BAD, "with_substitute": WAITING, "open": WAITING,
    "appealed": WAITING, "confirmed": BAD,
    "answered": BUSY, "settled": GOOD,
    "unknown": BAD, "failed": BAD, "rejected": BAD, "exhausted": BAD, "unsatisfiable": BAD,
    "sent": GOOD, "started": GOOD, "queued": WAITING, "sending": BUSY, "due": WAITING, "refused": BAD,
    "asked": WAITING, "granted": BAD, "reviewed": GOOD, "bypassed": BAD,
    "proposed": WAITING, "in_force": GOOD,
    "active": GOOD, "disabled": BAD, "waiting": WAITING, "loading": BUSY, "loaded": GOOD,
    "aborted": BAD, "aborting": BAD, "pulled": BAD,
}  # fmt: skip
MARKS = {GOOD: "✓", BUSY: "▶", WAITING: "…", BAD: "!", QUIET: "–"}


def family(obj: Any) -> str:
    """The family of an object's state. A pending task waits for nobody; a pending round waits for people."""
    if isinstance(obj, Task) and obj.state == "pending":
        return QUIET
    return FAMILIES.get(obj.state, QUIET)


def badge(obj: Any) -> str:
    found = family(obj)
    return format_html(
        '<span class="g-badge g-{}">{} {}</span>', found, MARKS[found], obj.get_state_display()
    )


VERDICTS = {"breached": BAD, "good": GOOD, "between": WAITING, "missing": QUIET}


def verdict(reading: Reading) -> str:
    """What a rule came to in a period."""
    found = VERDICTS[reading.verdict]
    return format_html(
        '<span class="g-badge g-{}">{} {}</span>', found, MARKS[found], reading.get_verdict_display()
    )
