"""Which data count: a series of each kind, program and owner, and the dataset of it that is current.

A load adds to what is current or replaces it. The choice is the time ``Dataset.current_since``: the latest of
a series counts. It is saved like everything governed, with history and a row in the change log, and can be
taken back; runs keep the snapshots they started with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from gtm.core import actors, canonical, clock
from gtm.core.bounded.work import work
from gtm.core.errors import InvalidInput, NotFound, Problem, StaleVersion, WrongState
from gtm.core.evidence import changelog
from gtm.core.later import later
from gtm.core.places import objects
from programs import command_needs
from programs.datasets import CONTRACTS, Options, Snapshot, SnapshotStore
from programs.datasets.engines.choosing import Engines
from programs.datasets.loading.bounds import LOAD
from programs.datasets.loading.limits import CHOICES
from programs.datasets.loading.terms import LoadTerms
from programs.models import Campaign, Dataset, Partner, Program

if TYPE_CHECKING:
    from programs.datasets import IngestResult
    from programs.datasets.loading import answer
    from programs.datasets.loading.addition import Addition
    from programs.datasets.snapshots import summary
    from programs.datasets.snapshots.summary import SnapshotSummary
else:
    answer = later("programs.datasets.loading.answer")
    summary = later("programs.datasets.snapshots.summary")

ADDITION = "programs.datasets.loading.addition"
ADD, REPLACE = "add", "replace"
HOW = {ADD: "Add the rows to the current data", REPLACE: "Replace the current data"}
FIRST, NOTHING = "first", "nothing"


def snapshot_root() -> Path:
    """The folder of snapshots; with an object store, of this host's copies."""
    home = settings.GTM_DATA_DIR if objects.data.is_folder else settings.GTM_CACHE_DIR
    return Path(home) / "datasets"


def snapshot_store() -> SnapshotStore:
    shared = None if objects.data.is_folder else objects.BelowFolder(objects.data, "datasets")
    return SnapshotStore(snapshot_root(), objects=shared)


def query_engines() -> Engines:
    """Who answers questions, as the installation has it. Raises InvalidInput where that is no choice."""
    return Engines(settings.GTM_QUERY_ENGINE, settings.GTM_CLICKHOUSE_URL, settings.GTM_CLICKHOUSE_COLLECTION)


@dataclass(frozen=True, slots=True)
class DataSeries:
    """Where rows belong: the series is that of program, partner and kind, whatever the campaign."""

    program: Program
    partner: Partner | None
    campaign: Campaign | None
    kind: str

    @property
    def zone(self) -> str:
        """Whose days are counted: the program's, also where a partner's times are in another zone."""
        return self.program.time_zone

    @property
    def owner(self) -> str:
        return f"{self.partner} in {self.program}" if self.partner else str(self.program)

    @property
    def words(self) -> str:
        return self.kind.replace("_", " ")

    def datasets(self) -> QuerySet[Dataset]:
        return Dataset.objects.filter(program=self.program, partner=self.partner, kind=self.kind)

    def current(self) -> Dataset | None:
        return self.datasets().filter(current_since__isnull=False).order_by("-current_since", "-pk").first()

    def next_choice(self) -> Any:
        """The time of a choice that is made now: later than every other of the series."""
        latest = self.current()
        now = clock.now()
        if latest is None or latest.current_since < now:
            return now
        return latest.current_since + timedelta(microseconds=1)

    @classmethod
    def of(cls, dataset: Dataset) -> DataSeries:
        return cls(dataset.program, dataset.partner, dataset.campaign, dataset.kind)


@dataclass(frozen=True, slots=True)
class Entering:
    """A load that is decided and not yet registered. ``snapshot`` is what will be current."""

    place: DataSeries
    result: IngestResult
    there: Dataset | None
    how: str
    snapshot: Snapshot
    loaded: SnapshotSummary
    before: SnapshotSummary | None
    addition: Addition | None = None


def enter(place: DataSeries, result: IngestResult, trial: SnapshotStore, series: str) -> Entering:
    """What becomes of new rows. Raises InvalidInput, with both in numbers, where that was not said."""
    if series and series not in HOW:
        raise InvalidInput(
            "Nothing was loaded.", problems=[Problem("series", f"“{series}” is not possible.", tuple(HOW))]
        )
    there = place.current()
    new = result.snapshot
    loaded = summary_of(trial.rows_path(new), new, place.zone)
    if there is None:
        return Entering(place, result, None, FIRST, new, loaded, None)
    if there.sha256 == new.sha256:
        return Entering(place, result, there, NOTHING, new, loaded, loaded)
    stored = snapshot_of(there)
    before = _summary_of(stored, trial, place.zone)
    if not series:
        raise _question(place, result, trial, stored, loaded, before)
    if series == REPLACE:
        return Entering(place, result, there, REPLACE, new, loaded, before)
    paths = trial.rows_path(stored), trial.rows_path(new)
    if other := work(f"{ADDITION}:other_person", *paths, place.kind, bounds=LOAD):
        raise _two_sources(place, other)
    added = work(f"{ADDITION}:add_rows", trial.alone(), *paths, place.kind, bounds=LOAD)
    how = NOTHING if added.snapshot.sha256 == there.sha256 else ADD
    return Entering(place, result, there, how, added.snapshot, loaded, before, added)


def other_currencies(program: Program, snapshot: Snapshot) -> list[str]:
    """What happens to amounts that are not in the program's currency."""
    others = [code for code in snapshot.currencies if code != program.currency]
    if not others:
        return []
    return [
        f"Amounts in {' and '.join(others)} keep their currency in the data. {program} "
        f"uses {program.currency}. "
        "Its commands convert each amount at the ECB rate of its own day, and stop if there is none."
    ]


def _two_sources(place: DataSeries, other: tuple[str, str, str]) -> InvalidInput:
    number, one, another = other
    (key,) = CONTRACTS[place.kind].key
    problem = Problem(
        "source",
        f"{key} {number} is of {one} in what is current and of {another} in the new rows. If they are of "
        "another shop or system, say source, its name; if the new rows are right, replace what is current.",
        code="several_sources",
    )
    return InvalidInput("Nothing was added.", problems=[problem])


def summary_of(rows: Path, snapshot: Snapshot, zone: str) -> SnapshotSummary:
    """What stored rows come to."""
    found: SnapshotSummary = work(
        "programs.datasets.snapshots.summary:summarise", rows, snapshot, zone, bounds=LOAD
    )
    return found


def _summary_of(stored: Snapshot, store: SnapshotStore, zone: str) -> SnapshotSummary:
    """Of what is current; without sums where its rows are gone, for that must not keep new ones out."""
    try:
        rows = store.rows_path(stored)
    except NotFound:
        return summary.without_rows(stored, zone)
    return summary_of(rows, stored, zone)


def _question(
    place: DataSeries,
    result: IngestResult,
    trial: SnapshotStore,
    stored: Snapshot,
    loaded: SnapshotSummary,
    before: SnapshotSummary,
) -> InvalidInput:
    overlap = ""
    if (key := CONTRACTS[place.kind].key) and before.sums:
        paths = trial.rows_path(stored), trial.rows_path(result.snapshot)
        shared = work(f"{ADDITION}:shared_keys", *paths, place.kind, bounds=LOAD)
        overlap = f" {shared:,} of the new rows have the {' and '.join(key)} of a row that is there already."
    names = ", ".join(source["name"] for source in result.sources) or "The new file"
    problem = Problem(
        "series",
        f"Current: {before.sentence()}. {names}: {loaded.sentence()}.{overlap}"
        " Do you want to add them to the current data, or replace the current data?",
        tuple(HOW),
        code="add_or_replace",
    )
    return InvalidInput(
        f"{place.owner} has {place.words} that are current. Nothing was loaded.",
        problems=[problem],
        hint="Use --add or --replace at the command line, or series=add or series=replace over "
        "REST. Or choose "
        "on the upload page.",
    )


def register(entering: Entering, trial: SnapshotStore, options: Options, terms: LoadTerms) -> Dataset:
    """Keep the rows of a decided load and make them current.

    Raises StaleVersion where another load came first. ``options`` are ``terms`` with what the owner of the
    data adds.
    """
    place, result, snapshot = entering.place, entering.result, entering.snapshot
    after = entering.loaded
    if snapshot.sha256 != result.snapshot.sha256:
        after = summary_of(trial.rows_path(snapshot), snapshot, place.zone)
    store = snapshot_store()
    store.take_over(trial, result.snapshot)
    store.take_over(trial, snapshot)
    with transaction.atomic():
        changelog.lock_chain(Dataset(program=place.program).change_chain())
        if place.current() != entering.there:
            raise StaleVersion(
                (
                    f"Other {place.words} of {place.owner} were loaded at the same time. Your rows "
                    "were not loaded."
                ),
                hint="Load them again, and look at what is current now.",
            )
        dataset = place.datasets().filter(sha256=snapshot.sha256).first()
        known = dataset is not None
        dataset = dataset or _new(entering, options)
        if entering.there is None or dataset.pk != entering.there.pk:
            dataset.current_since = place.next_choice()
        if not known:
            dataset.save()
        told = answer.answer_of(
            result,
            program=place.program.slug,
            partner=place.partner.slug if place.partner else "",
            options=options,
            terms=terms,
            loaded=entering.loaded,
            change=_change(entering, dataset, after, known),
        )
        dataset.answer = canonical.plain(told)
        dataset.save()
    return dataset


def _new(entering: Entering, options: Options) -> Dataset:
    place, result, snapshot, there = (
        entering.place,
        entering.result,
        entering.snapshot,
        entering.there if entering.how == ADD else None,
    )
    sources, mapping = canonical.plain(list(result.sources)), canonical.plain(result.mapping)
    applied = {"currency": (place.partner or place.program).currency}
    applied |= {choice.name: value for choice in CHOICES if (value := getattr(options, choice.name))}
    parts = []
    if there is not None:
        part = {"sha256": result.snapshot.sha256, "rows": result.snapshot.rows, "sources": sources,
                "mapping": mapping, "options": applied, "rejects": result.rejects}  # fmt: skip
        parts = [*(there.parts or [_as_part(there)]), part]
        names = {source["sha256"] for source in sources}
        sources = [*(source for source in there.sources if source["sha256"] not in names), *sources]
        mapping = {**there.mapping, **mapping}
    return Dataset(
        program=place.program,
        partner=place.partner,
        campaign=place.campaign or (there.campaign if there else None),
        kind=place.kind,
        contract_version=snapshot.contract_version,
        sources=sources,
        mapping=mapping,
        options=applied,
        parts=parts,
        snapshot=snapshot.path,
        sha256=snapshot.sha256,
        rows=snapshot.rows,
        rejected_rows=result.rejected_rows,
        duplicate_rows=result.duplicate_rows,
        rejects=result.rejects,
        reject_reasons=result.reasons,
        window_start=snapshot.window_start,
        window_end=snapshot.window_end,
        profile=canonical.plain(snapshot.profile or {}),
    )


def _as_part(dataset: Dataset) -> dict[str, Any]:
    same = ("sha256", "rows", "sources", "mapping", "options", "rejects")
    return {name: getattr(dataset, name) for name in same}


def _change(entering: Entering, dataset: Dataset, after: SnapshotSummary, known: bool) -> Any:
    there, added = entering.there, entering.addition
    change = answer.SeriesChange(
        how=entering.how,
        sentence=_sentence(entering, dataset, known),
        dataset=dataset.pk,
        after=after,
        before_dataset=there.pk if there else None,
        before=entering.before,
    )
    if added is None:
        return change
    counts = {name: getattr(added, name) for name in ("added", "same", "replaced", "outdated")}
    return replace(change, **counts)


def _sentence(entering: Entering, dataset: Dataset, known: bool) -> str:
    there = entering.there
    if entering.how == NOTHING:
        return f"These rows are dataset {dataset.pk}, which is current."
    if known:
        instead = f", instead of {there.pk}" if there else ""
        return f"These rows were loaded before as dataset {dataset.pk}; it is current again{instead}."
    if there is None:
        return f"Dataset {dataset.pk} is current: the first {entering.place.words} of {entering.place.owner}."
    if entering.how == ADD:
        return f"Dataset {dataset.pk} is current: the rows of dataset {there.pk} and the new ones."
    return f"Dataset {dataset.pk} is current, instead of {there.pk}."


def snapshot_of(dataset: Dataset) -> Snapshot:
    """What the registration knows of the stored rows."""
    return Snapshot(
        kind=dataset.kind,
        contract_version=dataset.contract_version,
        sha256=dataset.sha256,
        rows=dataset.rows,
        path=dataset.snapshot,
        window_start=dataset.window_start,
        window_end=dataset.window_end,
    )


def make_current(dataset: Dataset, *, reason: str) -> str:
    """Runs that start from now on read this dataset. Answers what happened. Raises WrongState, NotFound."""
    snapshot_store().rows_path(snapshot_of(dataset))
    with transaction.atomic(), actors.acting_as(actors.current().actor, _why(reason)):
        changelog.lock_chain(dataset.change_chain())
        dataset.refresh_from_db()
        place = DataSeries.of(dataset)
        before = place.current()
        if before == dataset:
            raise WrongState(f"Dataset {dataset.pk} is current already.")
        dataset.current_since = place.next_choice()
        dataset.save()
    instead = f", instead of {before.pk}" if before else ""
    return f"Dataset {dataset.pk} is current{instead}."


def take_back(dataset: Dataset, *, reason: str) -> str:
    """Undo the last choice of this dataset: what was current before it is current again.

    Answers what happened. Raises WrongState where the dataset is not current.
    """
    with transaction.atomic(), actors.acting_as(actors.current().actor, _why(reason)):
        changelog.lock_chain(dataset.change_chain())
        dataset.refresh_from_db()
        place = DataSeries.of(dataset)
        if place.current() != dataset:
            raise WrongState(
                f"Dataset {dataset.pk} is not current, so there is nothing to take back.",
                hint="Take back the one that is current, or make another current.",
            )
        dataset.current_since = _choice_before(dataset)
        dataset.save()
        now = place.current()
    if now is None:
        return f"Dataset {dataset.pk} is not current any more, and no other {place.words} are."
    return f"Dataset {now.pk} is current again, instead of {dataset.pk}."


def _choice_before(dataset: Dataset) -> Any:
    """When the dataset had been chosen before its last choice, None where that was the first."""
    choices = list(dataset.history.order_by("history_id").values_list("current_since", flat=True))
    made = choices.index(dataset.current_since)
    return choices[made - 1] if made else None


def _why(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Say why.", problems=[Problem("reason", "is required.", code="required")])
    return reason.strip()


def answer_of_dataset(dataset: Dataset) -> dict[str, Any]:
    """The answer of the last load of these rows, with what each command has and lacks now."""
    if not dataset.answer:
        raise NotFound(
            (f"Dataset {dataset.pk} was loaded before the answers of loads were kept."),
            hint="Load its file again.",
        )
    needs = [canonical.plain(one) for one in command_needs.of_program(dataset.program)]
    return {"dataset": dataset.pk, "sha256": dataset.sha256, **dataset.answer, "commands": needs}


def mark_current(rows: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """Each dataset with ``is_current``: whether runs that start now read it."""
    owner = Coalesce("partner_id", 0)
    later_choice = Dataset.objects.annotate(owner=owner).filter(
        program=OuterRef("program"),
        kind=OuterRef("kind"),
        owner=OuterRef("owner"),
        current_since__gt=OuterRef("current_since"),
    )
    return rows.annotate(owner=owner).annotate(
        is_current=Q(current_since__isnull=False) & ~Exists(later_choice)
    )
