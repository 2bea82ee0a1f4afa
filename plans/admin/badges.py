"""States as badges: one place for family, label and mark. Never colour alone."""

from __future__ import annotations

from django.utils.html import format_html

GOOD, BUSY, WAITING, BAD, QUIET = "good", "busy", "waiting", "bad", "quiet"
FAMILIES = {
    "succeeded": GOOD, "approved": GOOD, "resolved": GOOD, "released": GOOD, "succeeded_manual": GOOD,
    "running": BUSY, "leased": BUSY, "fallback_running": BUSY, "ready": BUSY, "fallback_ready": BUSY,
    "in_review": BUSY,
    "awaiting_approval": WAITING, "pending": WAITING, "retry_wait": WAITING, "changes_requested": WAITING,
    "acknowledged": WAITING, "notified": WAITING, "paused": WAITING, "armed": WAITING, "frozen": WAITING,
    "succeeded_degraded": WAITING, "waived": WAITING, "suspended": WAITING, "held": BAD, "blocked": BAD,
    "escalated": BAD, "unknown": BAD, "failed": BAD, "rejected": BAD, "exhausted": BAD, "unsatisfiable": BAD,
    "aborted": BAD, "aborting": BAD, "pulled": BAD,
}  # fmt: skip
MARKS = {GOOD: "✓", BUSY: "▶", WAITING: "…", BAD: "!", QUIET: "–"}


def family(state: str) -> str:
    return FAMILIES.get(state, QUIET)


def mark(state: str) -> str:
    return MARKS[family(state)]


def badge(state: str, label: str) -> str:
    return format_html('<span class="g-badge g-{}">{} {}</span>', family(state), mark(state), label)
