"""From what a person typed to a plan that runs: validate, preview, start.

Admin form, command line and REST all come through here, so all refuse the same things in the same words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from gtm.core import actors, canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, KeyReused, NotFound, NotPermitted, Problem
from gtm.core.fsm import perform
from gtm.core.one_view import one_view
from plans.engine.gates import future_rounds, preview
from plans.engine.people import substitutes
from plans.engine.record import content
from plans.engine.running import steps
from plans.export import document
from plans.models import Plan
from plans.runs import registry, usage
from plans.runs.draft import Draft, build, propose, snapshot
from plans.schemas.declaration import GUARDRAIL_INPUTS, RETRY_LIMIT, Command
from plans.schemas.inputs import PATTERN, a_year, read_inputs
from plans.schemas.rules import plan_rules
from programs.models import CLOSED_PROGRAM_STATES, Dataset, Person, Program, whose_act
from programs.selectors import default_program, latest_datasets, program_facts, working_facts


def parse_usage(line: str) -> tuple[Command, dict[str, str]]:
    """Read a usage line. Raises InvalidInput with every problem of the line itself."""
    parsed = usage.parse(line)
    if not parsed.name:
        raise InvalidInput("The usage line cannot be read.", problems=parsed.problems)
    try:
        command = registry.get(parsed.command)
    except NotFound as error:
        raise InvalidInput(error.detail, problems=[*error.problems, *parsed.problems]) from error
    given: dict[str, str] = {}
    problems = list(parsed.problems)
    for typed, value in parsed.options.items():
        name = _declared_name(command, typed)
        if name in given:
            problems.append(Problem(name, "is given twice, in two spellings."))
        given[name] = value
    if problems:
        _, more = read_inputs(command.inputs, given, {})
        mentioned = {p.field for p in problems}
        raise InvalidInput(
            "The usage line cannot be read.",
            problems=[*problems, *(p for p in more if p.field not in mentioned)],
        )
    return command, given


def _declared_name(command: Command, typed: str) -> str:
    """The documents write both launch-date and alert_threshold; either spelling finds the input."""
    same = (i.name for i in command.inputs if i.name.replace("_", "-") == typed.lower().replace("_", "-"))
    return next(same, typed)


def choose_program(command: Command, slug: str | None) -> Program:
    """The program named, or the default of the command's kind. Raises InvalidInput listing what there is."""
    candidates = list(
        Program.objects.filter(kind=command.program_kind).exclude(state__in=CLOSED_PROGRAM_STATES)
    )
    slugs = tuple(p.slug for p in candidates)
    if slug:
        found = next((p for p in candidates if slug.lower() in (p.slug, p.name.lower())), None)
        if found:
            return found
        problem = Problem("program", f"“{slug}” is not a {command.program_kind} program.", slugs)
        raise InvalidInput(f"There is no such program for {command.path}.", problems=[problem])
    chosen = default_program(command.program_kind)
    if chosen is not None:
        return chosen
    if len(candidates) == 1:
        return candidates[0]
    message = "name one of them." if candidates else f"there is no {command.program_kind} program yet."
    raise InvalidInput(
        f"{command.path} needs a program.",
        problems=[Problem("program", message, slugs, code="required")],
        hint="Make one of them the default of its kind in the admin, or name it.",
    )


def draft(command: Command, given: Mapping[str, Any], slug: str | None) -> Draft:
    """Choose the program and prepare a run on it. Problems of both come together."""
    try:
        program = choose_program(command, slug or _program_named(command, given))
    except InvalidInput as error:
        _, problems = read_inputs(command.inputs, given, {})
        raise InvalidInput(error.detail, problems=[*error.problems, *problems], hint=error.hint) from error
    return prepare(command, given, program)


def _program_named(command: Command, given: Mapping[str, Any]) -> str | None:
    named = given.get(command.program_input) if command.program_input else None
    return named.strip() if isinstance(named, str) else None


def prepare(
    command: Command,
    given: Mapping[str, Any],
    program: Program,
    *,
    plan: Plan | None = None,
    kept: Mapping[str, Any] | None = None,
    written_by: Collection[int] = (),
) -> Draft:
    """Validate a run and work out what it would read and who would decide. Stores nothing.

    ``plan``: the plan this is another revision of; what of it is done stays done. ``kept``: facts that stay
    as they are in it. ``written_by``: accounts that ask for it beside whoever is acting. Raises InvalidInput
    with every problem at once: bad inputs and missing data together, or else what is wrong with the tasks.
    """
    facts = (
        program_facts(program) | dict(command.context(program) if command.context else {}) | dict(kept or {})
    )
    if command.program_input:
        facts["programs"] = {program.slug: {"name": program.name}}
        given = {command.program_input: program.name, **given}
    if plan is not None and command.stages_for:
        facts |= {"standing": standing_of(plan), "began_on": began_on(plan).isoformat()}
    values, problems = read_inputs(command.inputs, given, facts)
    chosen = latest_datasets(program, [*command.required_datasets, *command.optional_datasets])
    kinds = {dataset.kind for dataset in chosen}
    for kind in command.required_datasets:
        if kind not in kinds:
            problems.append(
                Problem(
                    "datasets",
                    f"{program} has no {kind} loaded. Load them first on the page Data, Load data.",
                    code="missing",
                )
            )
    if not command.reads_partners:
        problems += [_several_owners(command, kind, chosen) for kind in sorted(_shared(chosen))]
    if problems:
        raise InvalidInput(f"{command.path} cannot start.", problems=problems)
    command = registry.tailor(command, values, facts)
    command = replace(command, max_retries=values.get(RETRY_LIMIT, command.max_retries))
    datasets = [describe_dataset(d) for d in chosen]
    money = values.get(command.amount_input) if command.amount_input else None
    fingerprints = sorted(d["sha256"] for d in datasets)
    computed = {name: value for name, value in values.items() if name not in GUARDRAIL_INPUTS}
    draft = Draft(
        command=command,
        program=program,
        inputs=values,
        usage=usage.write(command, values),
        datasets=datasets,
        facts=facts,
        campaign=program.campaigns.filter(name=values.get(command.campaign_input, "")).first(),
        seed=int(canonical.digest([command.path, _drawn_from(computed), fingerprints])[:8], 16),
        amount=a_year(money) if money else None,
        currency=money["currency"] if money else program.currency,
        written_by=written_by,
    )
    draft.checklist.extend(review(draft))
    return draft


def _drawn_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that random draws depend on: in which order tasks run changes no figure."""
    return {name: value for name, value in values.items() if name != PATTERN.name}


def _shared(chosen: Sequence[Dataset]) -> set[str]:
    """Kinds that more than one owner has loaded, us included."""
    owners = Counter(dataset.kind for dataset in chosen)
    return {kind for kind, count in owners.items() if count > 1}


def _several_owners(command: Command, kind: str, chosen: Sequence[Dataset]) -> Problem:
    """The command reads one owner's rows; the others' would be left out without a word."""
    owners = [str(d.partner or "ourselves") for d in chosen if d.kind == kind]
    numbers = ", ".join(str(d.pk) for d in chosen if d.kind == kind)
    return Problem(
        "datasets",
        f"{kind} were loaded by {', '.join(owners)}, but {command.name} reads the data of one owner only. "
        f"Load all files together, as one dataset of {kind}, then take back the current ones of each owner "
        f"({numbers}) on their pages under Data, Datasets.",
        code="several_owners",
    )


def standing_of(plan: Plan) -> dict[str, Any]:
    """Key of each task → whether it is done and on which day of the program's zone ("" while it is not), or
    how far it is (percent), and its owner with their absences."""
    zone = ZoneInfo(plan.program.time_zone)
    tasks = list(plan.tasks.select_related("owner").order_by("position"))
    owners = working_facts(task.owner for task in tasks if task.owner)
    return {
        task.key: {
            "is_done": task.is_done,
            "done_on": _day(task.finished_at, zone) if task.is_done else "",
            "progress": task.progress,
            "owner": owners[task.owner_id] if task.owner_id else None,
        }
        for task in tasks
    }


def began_on(plan: Plan) -> date:
    """The day on which the plan was started, where the program is at home."""
    return plan.created_at.astimezone(ZoneInfo(plan.program.time_zone)).date()


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).date().isoformat() if moment else ""


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    window = [dataset.window_start, dataset.window_end]
    return canonical.plain(
        {
            "id": dataset.pk,
            "kind": dataset.kind,
            "partner": dataset.partner.slug if dataset.partner else "",
            "source": [s["name"] for s in dataset.sources],
            "window": window,
            "rows": dataset.rows,
            "rejected_rows": dataset.rejected_rows,
            "sha256": dataset.sha256,
            "snapshot": dataset.snapshot,
            "contract_version": dataset.contract_version,
        }
    )


def review(draft: Draft) -> list[dict[str, Any]]:
    """The review checklist, each item checked by the system on this very draft."""
    found = []
    for item in draft.command.checklist:
        confirmed = True, "Confirmed by starting the run."
        passed, evidence = steps.load(item.check)(draft) if item.check else confirmed
        found.append(
            {
                "key": item.key,
                "text": item.text,
                "blocking": item.blocking,
                "result": "passed" if passed else "failed",
                "checked_by": "system" if item.check else actors.current().actor.label,
                "at": canonical.rfc3339(clock.now()),
                "evidence": evidence,
            }
        )
    return found


def start(draft: Draft, *, idempotency_key: str | None = None) -> Plan:
    """Write plan, tasks and snapshot in one transaction, and set it going by whoever is acting.

    With an ``idempotency_key`` used before, answers the plan that call made, also where both come at
    the same moment. Raises NotPermitted for an account of nobody, GuardNotMet where a blocking item of the
    review checklist is open, KeyReused where the key belongs to another run; nothing is stored then.
    """
    _somebody_asks()
    try:
        with transaction.atomic():
            if earlier := _by_key(idempotency_key):
                return _same_run(earlier, draft.command, draft.inputs, draft.program.slug)
            plan = build(draft, idempotency_key)
            content.tell_repetition(plan)
            perform(plan, "submit")
            _refuse_if_open(draft)
            perform(plan, "accept", comment="The review checklist passed.")
            perform(plan, "begin", set_fields={"started_at": clock.now()})
            substitutes.announce(plan)
    except IntegrityError:
        if (earlier := _by_key(idempotency_key)) is None:
            raise
        return _same_run(earlier, draft.command, draft.inputs, draft.program.slug)
    return plan


def _somebody_asks() -> None:
    """Who asks for a plan must be known as a person, by whom they are kept from deciding about it."""
    user = actors.current().actor.user
    if user is not None and not Person.objects.filter(whose_act.of_account(user)).exists():
        raise NotPermitted(
            f"The account {actors.name_of(user)} belongs to nobody in the directory, and nobody there "
            "answers for it, so nobody would have asked for this plan.",
            hint="Link the account to its person (People), or start it with an account of somebody.",
        )


def _refuse_if_open(draft: Draft) -> None:
    """Raises GuardNotMet with every open blocking item of the checklist. Names no plan, for none is kept."""
    still = [item for item in draft.checklist if item["blocking"] and item["result"] != "passed"]
    if still:
        raise GuardNotMet(
            f"{draft.command.path} was not started: its review checklist has {len(still)} open "
            f"{'item' if len(still) == 1 else 'items'}. Nothing was stored.",
            problems=[
                Problem(f"review_checklist.{item['key']}", f"{item['text']}: {item['evidence']}", code="open")
                for item in still
            ],
        )


def earlier_run(key: str, command: Command, given: Mapping[str, Any], slug: str | None) -> Plan | None:
    """The plan that this key started, or None. Raises KeyReused where it was asked something else.

    Asked before anything is validated: a repeated call gets its plan even if the world has moved on.
    """
    plan = _by_key(key)
    if plan is None:
        return None
    values, problems = read_inputs(command.inputs, given, plan.context)
    if problems:
        raise KeyReused(
            (f"The key started {plan.plan_id} before. Nothing was started now."), plan_id=plan.plan_id
        )
    return _same_run(plan, command, values, slug or plan.program.slug)


def _by_key(key: str | None) -> Plan | None:
    return Plan.objects.select_related("program").filter(idempotency_key=key).first() if key else None


def _same_run(plan: Plan, command: Command, values: Mapping[str, Any], slug: str) -> Plan:
    named = slug.lower() in (plan.program.slug, plan.program.name.lower())
    if (command.plugin, command.name) == (plan.plugin, plan.command) and values == plan.inputs and named:
        return plan
    raise KeyReused(f"The key started {plan.plan_id} before. Nothing was started now.", plan_id=plan.plan_id)


def dry_run(draft: Draft) -> tuple[Plan, dict[str, Any]]:
    """The plan as it would start, and its document. Stores nothing, and keeps nobody from storing."""
    with one_view():
        proposed = propose(draft)
        return proposed.plan, document.propose(proposed.plan, list(proposed.tasks.values()), proposed.needs)


def approvable(draft: Draft) -> tuple[bool, str]:
    """Review check: every gate can be filled by people who are here today."""
    return future_rounds.approvability(plan_rules(snapshot(draft.command)), draft)


def who_would_approve(draft: Draft) -> list[preview.Asked]:
    """Who would have to approve this run, gate by gate, and why. Stores nothing."""
    return preview.who_would_approve(plan_rules(snapshot(draft.command)), draft)
