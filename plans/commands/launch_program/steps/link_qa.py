"""Step 2, tooling and QA: every link of the kit parsed, followed where the program allows, and run through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gtm.core.errors import Problem
from plans.commands.launch_program.facts import TAKE_UP, material_of
from plans.commands.launch_program.steps.as_a_visitor import is_at, is_file, observe
from plans.commands.launch_program.steps.referral_way import FORM_NOWHERE, form_note, where_the_code_came
from plans.commands.shared.figures import figure, value_of
from plans.engine.running.steps import PermanentError, StepContext, TransientError
from plans.schemas.outputs import Column, Figure, File, Metrics, Output, StepResult, Table
from programs.analytics.estimate import MaybeEstimate
from programs.analytics.link_check import (
    ERROR,
    REQUIRED,
    UNPROVEN,
    WARNING,
    LinkFault,
    LinkReport,
    check_link,
    check_redirect,
    code_in,
    tracking_accuracy,
)
from programs.analytics.page_check import (
    BAD_REQUEST,
    FIREWALL,
    SLOWEST_SECONDS,
    TOO_MANY,
    PageSeen,
    check_page,
)
from programs.analytics.page_unseen import WALLS
from programs.analytics.tracking_links import tagged
from programs.outreach.visits import (
    ARRIVED,
    CIRCLE,
    NOT_ALLOWED,
    SECONDS_A_VISIT,
    UNREACHABLE,
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

    Reads ``links`` of the output ``kit``. Values: ``tracking_accuracy`` (share proven; None where none was
    followed), ``checked``, ``followed``, ``not_followed`` (host → reason), ``browser`` ("" or why none ran), ``observed`` for a replay. Raises
    QaRefused or QaFailed with a problem for each finding, named by the piece of the kit and never by the
    link, which may carry what must not be repeated.
    """
    launch = material_of(context)
    told = context.outputs["kit"]["links"]
    pieces = _pieces_by_link(told)
    internal = {link["url"] for link in told if link.get("internal")}
    internal -= {link["url"] for link in told if not link.get("internal")}
    flow = _flow_link([*(url for url in pieces if url not in internal), *internal], launch)
    seen = context.observed or observe(
        context, launch, [*pieces, *([flow] if flow and flow not in pieces else [])], flow, seconds
    )
    written = {url: _as_written(url, context, launch, url in internal) for url in pieces}
    met = {url: _as_met(seen["visits"][url], url, launch) for url in pieces}
    flow_findings = _on_the_way(seen, flow, launch) if flow else ()
    _refuse_errors(pieces, written, met, flow_findings)
    followed = {url for url in pieces if _has_arrived(seen["visits"][url])}
    unproven = _unproven_for_all(pieces, flow_findings, launch)
    reports = [LinkReport(url, (*written[url], *met[url], *unproven.get(url, ()))) for url in pieces]
    accuracy = tracking_accuracy(reports, followed)
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


def _flow_link(links: Sequence[str], launch: Mapping[str, Any]) -> str:
    """A link of the kit to the landing page with the test code on it; "" where none leads there."""
    landing = urlsplit(launch["links"]["landing"])
    for url in sorted(links, key=lambda url: bool(urlsplit(url).fragment)):
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc, parts.path) == (landing.scheme, landing.netloc, landing.path):
            return _with_code(url, launch)
    return ""


def _with_code(url: str, launch: Mapping[str, Any]) -> str:
    """A link that carries a code of its own already is a recipient's, with the test code in its place."""
    parameter, code = launch["code_parameter"], launch["test_code"]
    return url if code_in(url, parameter) == code else tagged(url, {parameter: code})


# ------------------------------------------------------------------ what it means


def _as_written(
    url: str, context: StepContext, launch: Mapping[str, Any], is_internal: bool
) -> tuple[LinkFault, ...]:
    """Rules on the link as text. Our own destinations must be tagged, but for the ways from page to page of
    our own site; others must only be sound."""
    vocabulary = {**launch["vocabulary"], "utm_campaign": [context.program["slug"]]}
    ours = {_host(address) for address in launch["links"].values()}
    return check_link(
        url, vocabulary, required=REQUIRED if _host(url) in ours and not is_internal else ()
    ).findings


def _as_met(told: Mapping[str, Any], url: str, launch: Mapping[str, Any]) -> tuple[LinkFault, ...]:
    """What following it showed, as a program and in a browser. What the browser met is what visitors meet.

    A host off the list is no error of the link; a redirect to one is.
    """
    page = told.get("page")
    if page and not page["error"]:
        only = _only_programs_meet(told) if page["status"] < BAD_REQUEST else ()
        return (*only, *_as_seen(page, url, launch))
    hops = told["hops"]
    found = list(check_redirect(hops, code_parameter=launch["code_parameter"]))
    if is_file(told):  # nobody counts there: a signed address of a store keeps no tags
        found = [finding for finding in found if not finding.parameter]
    if told["outcome"] == NOT_ALLOWED:
        severity = ERROR if len(hops) > 1 else WARNING
        found.append(LinkFault("not-followed", severity, "", told["reason"]))
    elif told["outcome"] == UNREACHABLE:
        found.append(LinkFault("unreachable", ERROR, "", told["reason"]))
    elif told["outcome"] != ARRIVED and told["outcome"] != CIRCLE:
        found.append(LinkFault(told["outcome"], ERROR, "", told["reason"]))
    elif told["outcome"] == ARRIVED and not 200 <= told["status"] < 300:
        # Programs alone may be sent away: where a browser is, it has to see that.
        is_proof = not (page and page.get("unseen") and told["status"] in FIREWALL)
        text = f"The way ends with status {told['status']}."
        found.append(LinkFault("status", ERROR if is_proof else UNPROVEN, "", text))
    if page and page.get("unseen"):
        said = f"{page['error'].rstrip('.')}: this check did not get to see the page; open it by hand."
        found.append(LinkFault("browser", UNPROVEN, "", said))
    elif page:
        found.append(LinkFault("browser", ERROR, "", page["error"]))
    return tuple(found)


def _only_programs_meet(told: Mapping[str, Any]) -> Iterator[LinkFault]:
    """What a browser did not meet: a firewall that sends programs away, a wall of cookies by script."""
    if told["outcome"] != ARRIVED:
        said = told["reason"] or f"Without a browser the way does not end ({told['outcome']})."
        yield LinkFault("only-programs", WARNING, "", f"{said} A browser gets through.")
    elif not 200 <= told["status"] < 300:
        said = f"The site answers {told['status']} to programs; a browser gets through."
        yield LinkFault("only-programs", WARNING, "", said)


def _as_seen(page: Mapping[str, Any], url: str, launch: Mapping[str, Any]) -> Iterator[LinkFault]:
    """Rules on the page; those on what a landing page must be hold for our own destinations alone."""
    seen = PageSeen(**{name: value for name, value in page.items() if name != "error"})
    landing, here = launch["links"]["landing"], urlsplit(seen.url)
    is_ours = here.hostname == urlsplit(landing).hostname
    is_landing = is_ours and (is_at(url, landing) or is_at(seen.url, landing))
    yield from check_page(
        url,
        seen,
        code_parameter=launch["code_parameter"],
        collectors=launch.get("collectors", ()) if is_landing else (),
        slowest=float(launch.get("slowest_seconds", SLOWEST_SECONDS)),
        ours=tuple(launch["links"].values()),
        is_landing=is_landing,
    )


def _has_arrived(told: Mapping[str, Any]) -> bool:
    """Whether the link was followed to its end: in a browser where one was there, else by a program."""
    page = told.get("page")
    if page:
        return not page["error"] and page["status"] not in {TOO_MANY, *WALLS}
    return bool(told["outcome"] == ARRIVED)


def _on_the_way(seen: Mapping[str, Any], flow: str, launch: Mapping[str, Any]) -> tuple[LinkFault, ...]:
    """The way of a referral code: what its page is told of, then where the code came."""
    told = seen["visits"][flow]
    met = _as_met(told, flow, launch)
    if not _has_arrived(told):
        return met
    return (*met, *where_the_code_came(told, seen["look"], flow, launch, met))


def _unproven_for_all(
    pieces: Mapping[str, Sequence[str]], flow: Sequence[LinkFault], launch: Mapping[str, Any]
) -> dict[str, list[LinkFault]]:
    """What stayed unseen on the way of the code, for every link to the landing page: they lead the same way.
    Where no link of the kit carries a code, nobody is referred: of that way, they need a form that arrives."""
    unseen = [finding for finding in flow if finding.severity == UNPROVEN]
    if not any(code_in(url, launch["code_parameter"]) for url in pieces):
        unseen = [finding for finding in unseen if finding.rule == FORM_NOWHERE]
    return {url: unseen for url in pieces if is_at(url, launch["links"]["landing"])}


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
    followed = sum(_has_arrived(seen["visits"][url]) for url in pieces)
    yield Metrics(
        "link-qa",
        "Link and tracking QA",
        [
            figure("tracking_accuracy", "Tracking accuracy", accuracy, unit="%", scale=100,
                   definition="links of the kit that were followed to their end and pass every rule, of all links"),
            Figure("followed", "Links followed to their end", followed, "links", numerator=followed, denominator=len(pieces)),
        ],
        _browser_note(seen) + form_note(seen["look"]),
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
    if (look := seen["look"]) and not look["error"] and look["picture"]:
        yield File(**look["picture"])


def _way(told: Mapping[str, Any]) -> str:
    if not _has_arrived(told):
        return "no"
    met = told.get("page") or told
    redirects = len(met["hops"]) - 1
    return f"{met['status']}" + (f" after {redirects} redirect{'s' * (redirects > 1)}" if redirects else "")


def _browser_note(seen: Mapping[str, Any]) -> str:
    if seen["browser"]:
        return f"Not run in a browser: {seen['browser']}."
    return "Every link was opened in Chromium, each by a new visitor; the landing page's picture is kept."


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
