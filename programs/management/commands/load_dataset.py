"""``manage.py load_dataset KIND FILE… --program SLUG``: validate and register a customer's files."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from programs.datasets.loading.limits import CHOICES
from programs.models import Campaign, Partner, Program
from programs.services import load_dataset, snapshot_root


class Command(GovernedCommand):
    help = "Load CSV, XLSX, JSON or Parquet files, or a zip of these, against the contract of a kind"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("kind")
        parser.add_argument("files", nargs="+")
        parser.add_argument("--program", required=True, help="slug")
        parser.add_argument("--partner", help="slug")
        parser.add_argument("--campaign", help="slug")
        parser.add_argument(
            "--map", action="append", default=[], metavar="OURS=THEIRS", help="a column of the file"
        )
        for choice in CHOICES:
            shapes = ", ".join(choice.allowed) or choice.example
            said = f"{choice.help} ({shapes})" if shapes else choice.help
            parser.add_argument(f"--{choice.name.replace('_', '-')}", default="", help=said)

    def act(self, **options: Any) -> None:
        problems: list[Problem] = []
        program = _find(Program, options["program"], "--program", problems)
        partner = _find(Partner, options["partner"], "--partner", problems)
        campaign = _find(Campaign, options["campaign"], "--campaign", problems)
        mapping = {}
        for pair in options["map"]:
            ours, separator, theirs = pair.partition("=")
            if not separator or not ours or not theirs:
                problems.append(Problem("--map", f"“{pair}” is not of the form ours=theirs."))
            mapping[ours.strip()] = theirs.strip()
        if problems:
            raise InvalidInput("Nothing was loaded.", problems=problems)
        dataset, result = load_dataset(
            options["kind"],
            options["files"],
            program=program,
            partner=partner,
            campaign=campaign,
            mapping=mapping,
            **{choice.name: options[choice.name] for choice in CHOICES},
        )
        rejected = f"{result.rejected_rows:,} rejected, {result.duplicate_rows:,} duplicates"
        self.stdout.write(f"{result.input_rows:,} rows read: {dataset.rows:,} accepted, {rejected}.")
        for reason, count in sorted(result.reasons.items(), key=lambda item: -item[1]):
            example = f": {result.examples[reason]}" if reason in result.examples else ""
            self.stdout.write(f"  {count:,} × {reason}{example}")
        for reason, count in result.left_out.items():
            self.stdout.write(f"  {count:,} {reason}")
        if result.folded_rows:
            self.stdout.write(f"  {result.folded_rows:,} lines stand in the row of their order")
        if result.rejects:
            self.stdout.write(f"Rejected rows with their reasons: {snapshot_root() / result.rejects}")
        for note in result.notes:
            self.stdout.write(f"Note: {note}")
        self.stdout.write(f"Dataset {dataset.pk}, SHA-256 {dataset.sha256}")


def _find(model: Any, slug: str | None, option: str, problems: list[Problem]) -> Any:
    if not slug:
        return None
    found = model.objects.filter(slug=slug).first()
    if found is None:
        known = tuple(model.objects.order_by("slug").values_list("slug", flat=True)[:20])
        problems.append(Problem(option, f"“{slug}” is unknown.", known))
    return found
