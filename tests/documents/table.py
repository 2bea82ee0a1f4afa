"""``python -m tests.documents.table``: write docs/documents.md, the customer's documents line by line.

The verdicts in it are declared beside the lines; the tests of this package hold each of them to a run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.documents import launch_program, monitor_loyalty, optimize_referrals, plan_loyalty, track_source
from tests.documents.lines import Line

TARGET = Path(__file__).resolve().parents[2] / "docs/documents.md"
DOCUMENTS: Mapping[str, tuple[Line, ...]] = {
    "plan-loyalty": plan_loyalty.LINES,
    "monitor-loyalty": monitor_loyalty.LINES,
    "optimize-referrals": optimize_referrals.LINES,
    "launch-program": launch_program.LINES,
    "track-source": track_source.LINES,
}
NO_CHROMIUM = "No Chromium is installed here; pages and flows of links are tried in one."
OPTIONAL = dict.fromkeys(
    (f"{name}-browser" for name in ("loyalty", "monitor", "referrals", "launch", "track")), NO_CHROMIUM
)
"""Runs that need what not every machine has."""
RUNS = {
    "site": "the list of commands, as REST gives it",
    "loyalty": "the document's line, validated and approved; a run of monitor-loyalty follows",
    "loyalty-browser": "up to the lifecycle, with a redemption page that is a site of the test, in Chromium",
    "loyalty-expansion": "the document's line with `--goal expansion`",
    "loyalty-engagement": "the document's line with `--goal engagement`",
    "loyalty-advocacy": "the document's line with `--goal advocacy`",
    "loyalty-points": "`--tiers points-only --budget 2000/month`",
    "loyalty-hybrid": "`--tiers hybrid --budget 2000`",
    "loyalty-missions": "`--tiers missions --budget 2000`",
    "loyalty-month": "the document's line with `--budget 50000/month`",
    "loyalty-pipeline": "the document's line with `--pattern pipeline --retry-limit 1`",
    "loyalty-personas": "the document's line with `--personas Champions`",
    "loyalty-constraints": 'the document\'s line with `--constraints "points must not expire"`',
    "loyalty-once": "the document's line where the platform costs 5,000 a month: a first design that loses",
    "loyalty-loss": "then `--budget 10000`: a second design that loses",
    "loyalty-released": "two people release it and say what they did",
    "loyalty-blocker": "legal asks for changes",
    "loyalty-blocked": "nobody answers for thirty days",
    "loyalty-away": "legal and the strategist are away; the executive sponsor decides",
    "loyalty-outage": "the pull of signals fails once, the economic model three times",
    "loyalty-changed": "tiers and budget are changed in the running plan; a policy and the margin around it",
    "monitor": "the document's line; the strategist validates, the analyst distributes",
    "monitor-waiting": "the same before the strategist has validated",
    "monitor-7d": "`--window 7d`",
    "monitor-quarter": "`--window quarter`",
    "monitor-summary": 'a summary, `--dimensions "cohort,channel" --experiments double-points`, a threshold',
    "monitor-pipeline": "`--pattern pipeline`",
    "monitor-once": "`--alert_threshold retention<0.99`: a first breach",
    "monitor-alarm": "the same on purchases of a week later: a second breach",
    "monitor-released": "two people release it and say what they did, five hours later",
    "monitor-later": "the run after that",
    "monitor-spike": "nine million points are issued five days before the data end",
    "monitor-away": "the analyst is away; the strategist covers",
    "monitor-outage": "the data pull fails twice",
    "monitor-charts": "a chart cannot be rendered twice",
    "monitor-browser": "up to the diagnostics, with a dashboard that is a site of the test, in Chromium",
    "monitor-changed": "a threshold, a metric and the data change while the plan waits",
    "referrals": "the document's line; the architect approves, operations implement, a case is held",
    "referrals-waiting": "the same before the architect has approved",
    "referrals-7d": "`--window 7d`",
    "referrals-90d": "`--window 90d`, of which the data hold one",
    "referrals-summary": 'a summary, `--dimensions "persona,region" --experiments warm-invite`, a threshold',
    "referrals-pipeline": "`--pattern pipeline`",
    "referrals-once": "`--alert_threshold conversion<0.99` on data until mid-August: a first breach",
    "referrals-alarm": "the same on all the data: a second breach",
    "referrals-released": "two people release it and say what they did",
    "referrals-spike": "a ring of 120 referrals on one device and one card",
    "referrals-away": "both architects are away; lifecycle operations cover",
    "referrals-outage": "the data pull fails once, the fraud model twice",
    "referrals-browser": "up to the diagnostics, with a portal that is a site of the test, in Chromium",
    "referrals-changed": "a threshold, a metric and a partner's tier change while the plan waits",
    "launch": "the document's line, a year after its date",
    "launch-held": "the same; everybody does their part and approves",
    "launch-slug": "a launch in time that names the program by its ID",
    "launch-live": "in time, on all channels, `--segments champions --approvers finance`, to its outcomes; "
    "links lead to a site of the test",
    "launch-browser": "a launch whose landing page is a site of the test, visited in Chromium",
    "launch-pipeline": "in time, `--pattern pipeline`",
    "launch-qa": "the tags of the kit are not in the vocabulary: link QA fails twice",
    "launch-released": "two people release it and say what they did",
    "launch-outage": "in time; the communications kit fails twice",
    "launch-late": "nobody approves for three weeks",
    "launch-away": "lifecycle operations are away; the partner manager covers",
    "launch-changed": "channels and an owner change in the running plan",
    "track": "the document's line; the lead validates, the marketer takes the recommendations over",
    "track-waiting": "the same before the lead has validated",
    "track-7d": "`--window 7d`",
    "track-campaign": '`--window "campaign duration"`',
    "track-first": "`--attribution_model first-touch`",
    "track-last": "`--attribution_model last-touch`",
    "track-summary": '`--detail summary --dimensions "partner,channel,asset,region"`',
    "track-row": "`--pattern pipeline`",
    "track-once": "a guardrail of 0.99 on the data until mid-October: a first breach",
    "track-alarm": "the same on all the data: a second breach",
    "track-dispute": "a partner disputes a deal of its record",
    "track-away": "the lead is away; the partner marketer covers",
    "track-outage": "the data pull fails twice",
    "track-mismatch": "the partners' books disagree on more deals than the agreement tolerates",
    "track-browser": "up to the readout, with a dashboard that is a site of the test, in Chromium",
    "track-changed": "model, guardrail, files and cadence change around the plan",
}
"""How each run is made to happen."""
PARTS = {
    "json": "plan JSON",
    "later": "plan JSON after a later run",
    "monitored": "plan JSON of that run",
    "stored": "file in `.claude/plans`",
    "moved": "change log",
    "outputs": "output",
    "tasks": "plan JSON, task",
    "messages": "messages",
    "commands": "REST",
    "file": "name of the file",
    "refused": "what an edit without a reason answers",
}
HEAD = """# The five documents, line by line

Each line of the customer's documents (`tests/data/documents/`), how it is made to happen and where it is
read. Made by `python -m tests.documents.table` from the tables in `tests/documents/`, where each line has a
check that reads these places of plans that were run; `tests/documents/test_documents.py` holds every verdict
to that check, and every check to failing where a place holds nothing.

"""


def plain(text: str) -> str:
    """A document's text without its marks."""
    return re.sub(r"[*`]", "", re.sub(r"<timestamp>", "", text))


def write() -> str:
    every = [line for lines in DOCUMENTS.values() for line in lines]
    kept = sum(not line.no for line in every)
    counts = "\n".join(
        f"| {name} | {sum(not n.no for n in lines)} | {sum(bool(n.no) for n in lines)} |"
        for name, lines in DOCUMENTS.items()
    )
    total = f"{kept} of {len(every)} lines are kept.\n\n| document | yes | no |\n|---|---|---|\n{counts}\n"
    return HEAD + total + "".join(_section(name, lines) for name, lines in DOCUMENTS.items()) + _runs()


def _section(name: str, lines: tuple[Line, ...]) -> str:
    rows = "\n".join(_row(line) for line in lines)
    head = "| line | the document's words | kept | runs | read in |\n|---|---|---|---|---|"
    return f"\n## {name}\n\n{head}\n{rows}\n"


def _row(line: Line) -> str:
    verdict = f"no: {line.no}" if line.no else "yes"
    runs = dict.fromkeys(place.partition(" ")[0] for place in line.places)
    where = dict.fromkeys(_where(place.partition(" ")[2]) for place in line.places)
    cells = (line.text, plain(line.says), verdict, ", ".join(runs), "; ".join(where))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _where(path: str) -> str:
    part, _, rest = path.partition(".")
    name = re.match(r"\w+", part)
    assert name is not None, path
    inside = f"{part[name.end() :]}{'.' if rest and part == name[0] else ''}{rest}".lstrip(".")
    return f"{PARTS[name[0]]} `{inside}`" if inside else PARTS[name[0]]


def _runs() -> str:
    rows = "\n".join(f"| {name} | {how} |".replace("<", "\\<") for name, how in RUNS.items())
    head = "| run | how it is made to happen |\n|---|---|"
    return f"\n## The runs\n\nAll on the demo organisation with small data of each kind.\n\n{head}\n{rows}\n"


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
