"""Step 2, tooling and QA: every link of the kit parsed, followed where the program allows, and run through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gtm.core.errors import Problem
from plans.commands.launch_program.facts import TAKE_UP, material_of
from plans.commands.shared.figures import figure, value_of
from plans.engine.running.kept_files import kept_file
from plans.engine.running.steps import PermanentError, StepContext, TransientError
from plans.schemas.outputs import Column, Figure, File, Metrics, Output, StepResult, Table
from programs.analytics.estimate import MaybeEstimate
from programs.analytics.found_links import field_value
from programs.analytics.link_check import (
    ERROR,
    REQUIRED,
    WARNING,
    LinkFault,
    LinkReport,
    check_link,
    check_redirect,
    check_round_trip,
    code_in,
    tracking_accuracy,
)
from programs.analytics.tracking_links import tagged
from programs.outreach import browser
from programs.outreach.visits import (
    ARRIVED,
    CIRCLE,
    NOT_ALLOWED,
    SECONDS_A_VISIT,
    UNREACHABLE,
    Allowance,
    NotAllowed,
    Unreachable,
    visit,
)

STEP = "tooling-qa"
FAILED = f"{STEP}-failed"
"""The engine counts a failed attempt of the step under this signal; twice is a matter for people."""

TEST_WAY = "referral flow"
MOST_TOLD = 5


class QaFailed(TransientError):
    """A link led where it should not. Somebody may mend the site: it is tried again."""

    code = "qa_failed"
    status = 422
    title = "The links of the kit do not pass"


class QaRefused(PermanentError):
    """A link is wrong as it is written. Looking again would not change it."""

    code = "qa_refused"
    title = "The links of the kit are wrong"


def check_links_patiently(context: StepContext) -> StepResult:
    """The same checks with three times as long for each link: the other method, where a site was slow."""
    return check_links(context, seconds=3 * SECONDS_A_VISIT)


def check_links(context: StepContext, *, seconds: float = SECONDS_A_VISIT) -> StepResult:
    """Whether every link of the kit arrives with its tags, and a referral code with it.

    Reads ``links`` of the output ``kit``. Values: ``tracking_accuracy`` (share proven; None where none was followed), ``checked``, ``followed``,
    ``not_followed`` (host → reason), ``browser`` ("" or why none ran), ``observed`` for a replay. Raises
    QaRefused or QaFailed with a problem for each finding, named by the piece of the kit and never by the
    link, which may carry what must not be repeated.
    """
    launch = material_of(context)
    pieces = _pieces_by_link(context.outputs["kit"]["links"])
    flow = _flow_link(pieces, launch)
    seen = context.observed or _observe(context, launch, [*pieces, *([flow] if flow else [])], flow, seconds)
    written = {url: _as_written(url, context, launch) for url in pieces}
    met = {url: _as_met(seen["visits"][url]) for url in pieces}
    flow_findings = _flow_findings(seen, flow, launch) if flow else ()
    _refuse_errors(pieces, written, met, flow_findings)
    followed = {url for url in pieces if seen["visits"][url]["outcome"] == ARRIVED}
    accuracy = tracking_accuracy([LinkReport(url, (*written[url], *met[url])) for url in pieces], followed)
    kept = {url: told for url, told in seen["visits"].items() if told["outcome"] == NOT_ALLOWED}
    return StepResult(
        values={
            "tracking_accuracy": value_of(accuracy),
            "checked": len(pieces),
            "followed": len(followed),
            "not_followed": {_host(url): told["reason"] for url, told in kept.items()},
            "browser": seen["browser"],
            "observed": seen,
        },
        outputs=list(_outputs(pieces, written, met, flow_findings, seen, accuracy)),
        measured={FAILED: ""},
    )


# ------------------------------------------------------------------ what is there


def _pieces_by_link(links: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Each link once, with the pieces it stands in."""
    found: dict[str, list[str]] = {}
    for link in links:
        found.setdefault(link["url"], []).append(link["path"])
    return found


def _flow_link(pieces: Mapping[str, Any], launch: Mapping[str, Any]) -> str:
    """A link of the kit to the landing page with the test code on it; "" where none leads there."""
    landing = urlsplit(launch["links"]["landing"])
    for url in pieces:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc, parts.path) == (landing.scheme, landing.netloc, landing.path):
            return tagged(url, {launch["code_parameter"]: launch["test_code"]})
    return ""


def _observe(
    context: StepContext, launch: Mapping[str, Any], links: Sequence[str], flow: str, seconds: float
) -> dict[str, Any]:
    """Visit every link, and run the flow in a browser where there is one. Plain values, kept for a replay."""
    allowance = Allowance(frozenset(launch["allowed_hosts"]), settings.GTM_PRIVATE_LINK_HOSTS)
    visits = {}
    for number, url in enumerate(links):
        context.progress(100 * number // (len(links) + 1), f"Following link {number + 1} of {len(links)}")
        came = visit(url, allowance, seconds=seconds)
        is_page = came.outcome == ARRIVED and came.media_type == "text/html"
        visits[url] = {
            "hops": came.hops,
            "outcome": came.outcome,
            "status": came.status,
            "reason": came.reason,
            "field": field_value(came.text, launch["code_parameter"]) if is_page else None,
        }
    return {"visits": visits, **_look(context, visits, allowance, flow, launch)}


def _look(
    context: StepContext,
    visits: Mapping[str, Any],
    allowance: Allowance,
    flow: str,
    launch: Mapping[str, Any],
) -> dict[str, Any]:
    reason = browser.missing()
    if not flow or visits[flow]["outcome"] != ARRIVED:
        reason = reason or "the landing page was not reached"
    if reason:
        return {"browser": reason, "look": None}
    context.progress(95, "Running the referral flow in Chromium")
    try:
        found = browser.look(flow, allowance, launch["code_parameter"])
    except (browser.LookFailed, NotAllowed, Unreachable) as error:
        return {"browser": "", "look": {"error": str(error)}}
    picture = kept_file("flow-screenshot", "Landing page in Chromium", found.picture, "png", "image/png")
    told = {"url": found.url, "status": found.status, "field": found.field, "error": "", "by": found.by}
    return {"browser": "", "look": {**told, "picture": asdict(picture)}}


# ------------------------------------------------------------------ what it means


def _as_written(url: str, context: StepContext, launch: Mapping[str, Any]) -> tuple[LinkFault, ...]:
    """Rules on the link as text. Our own destinations must be tagged; others must only be sound."""
    vocabulary = {**launch["vocabulary"], "utm_campaign": [context.program["slug"]]}
    ours = {_host(address) for address in launch["links"].values()}
    return check_link(url, vocabulary, required=REQUIRED if _host(url) in ours else ()).findings


def _as_met(told: Mapping[str, Any]) -> tuple[LinkFault, ...]:
    """What following it showed. A host off the list is no error of the link; a redirect to one is."""
    hops = told["hops"]
    found = list(check_redirect(hops))
    if told["outcome"] == NOT_ALLOWED:
        severity = ERROR if len(hops) > 1 else WARNING
        found.append(LinkFault("not-followed", severity, "", told["reason"]))
    elif told["outcome"] == UNREACHABLE:
        found.append(LinkFault("unreachable", ERROR, "", told["reason"]))
    elif told["outcome"] != ARRIVED and told["outcome"] != CIRCLE:
        found.append(LinkFault(told["outcome"], ERROR, "", told["reason"]))
    elif told["outcome"] == ARRIVED and not 200 <= told["status"] < 300:
        found.append(LinkFault("status", ERROR, "", f"The way ends with status {told['status']}."))
    return tuple(found)


def _flow_findings(seen: Mapping[str, Any], flow: str, launch: Mapping[str, Any]) -> tuple[LinkFault, ...]:
    """The way of a referral code: link, landing page, form, and the same in a browser."""
    told, parameter, code = seen["visits"][flow], launch["code_parameter"], launch["test_code"]
    if told["outcome"] != ARRIVED:
        return _as_met(told)
    places = {"link": code_in(flow, parameter), "landing page": code_in(told["hops"][-1], parameter)}
    look = seen["look"]
    found: list[LinkFault] = []
    if told["field"] and not look:  # an empty one may be filled by a script, which only a browser runs
        places["form"] = told["field"]
    if look and look["error"]:
        found.append(LinkFault("browser", ERROR, "", look["error"]))
    elif look:
        places["page in the browser"] = code_in(look["url"], parameter)
        if look["field"] is not None:
            places["form in the browser"] = look["field"] or None
        if look["status"] >= 400:
            found.append(
                LinkFault("browser", ERROR, "", f"In the browser the page answers {look['status']}.")
            )
    found += check_round_trip(code, places)
    if not any("form" in place for place in places):
        text = f"No filled form field {parameter} was seen: confirm by hand that the code is stored."
        found.append(LinkFault("referral-form", WARNING, parameter, text))
    return (*_as_met(told), *found)


def _refuse_errors(
    pieces: Mapping[str, Sequence[str]],
    written: Mapping[str, Sequence[LinkFault]],
    met: Mapping[str, Sequence[LinkFault]],
    flow: Sequence[LinkFault],
) -> None:
    """Raise where anything is an error, with every error of every link."""
    for_good = list(_problems(pieces, written))
    for_now = [*_problems(pieces, met), *(_problem(TEST_WAY, f) for f in flow if f.severity == ERROR)]
    if not for_good and not for_now:
        return
    problems = for_good + for_now
    where: dict[str, list[str]] = {}
    for problem in problems:
        where.setdefault(problem.message, []).append(problem.field)
    told = [f"{message.rstrip('.')} ({', '.join(fields)})." for message, fields in where.items()]
    summary = " ".join(told[:MOST_TOLD])
    more = f" And {len(told) - MOST_TOLD} more." if len(told) > MOST_TOLD else ""
    if for_good:
        hint = f"Correct templates, launch profile or vocabulary. {TAKE_UP}"
        raise QaRefused(f"{summary}{more}", hint=hint, problems=problems)
    raise QaFailed(f"{summary}{more}", hint="Have the site or its redirects mended.", problems=problems)


def _problems(
    pieces: Mapping[str, Sequence[str]], findings: Mapping[str, Sequence[LinkFault]]
) -> Iterator[Problem]:
    for url, found in findings.items():
        for finding in found:
            if finding.severity == ERROR:
                yield _problem(", ".join(pieces[url]), finding)


def _problem(where: str, finding: LinkFault) -> Problem:
    return Problem(where, finding.message, code=finding.rule)


# ------------------------------------------------------------------ what people see


def _outputs(
    pieces: Mapping[str, Sequence[str]],
    written: Mapping[str, Sequence[LinkFault]],
    met: Mapping[str, Sequence[LinkFault]],
    flow: Sequence[LinkFault],
    seen: Mapping[str, Any],
    accuracy: MaybeEstimate,
) -> Iterator[Output]:
    followed = sum(seen["visits"][url]["outcome"] == ARRIVED for url in pieces)
    yield Metrics(
        "link-qa",
        "Link and tracking QA",
        [
            figure("tracking_accuracy", "Tracking accuracy", accuracy, unit="%", scale=100,
                   definition="links of the kit that were followed to their end and pass every rule, of all links"),
            Figure("followed", "Links followed to their end", followed, "links", numerator=followed, denominator=len(pieces)),
        ],
        _browser_note(seen),
    )  # fmt: skip
    rows = [
        [
            url,
            ", ".join(where),
            _way(seen["visits"][url]),
            " ".join(f.message for f in (*written[url], *met[url])),
        ]
        for url, where in pieces.items()
    ]
    rows += [["", TEST_WAY, "", finding.message] for finding in flow]
    yield Table(
        "links-checked",
        "Links checked",
        [
            Column("link", "Link"),
            Column("pieces", "Stands in"),
            Column("way", "Followed"),
            Column("notes", "To know"),
        ],
        rows,
        "Only hosts on the program's list are visited.",
    )
    if (look := seen["look"]) and not look["error"]:
        yield File(**look["picture"])


def _way(told: Mapping[str, Any]) -> str:
    if told["outcome"] != ARRIVED:
        return "no"
    redirects = len(told["hops"]) - 1
    return f"{told['status']}" + (f" after {redirects} redirect{'s' * (redirects > 1)}" if redirects else "")


def _browser_note(seen: Mapping[str, Any]) -> str:
    if seen["browser"]:
        return f"Not run in a browser: {seen['browser']}."
    return "The referral flow was run in Chromium; its screenshot is kept."


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
