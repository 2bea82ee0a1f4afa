"""``manage.py load_dataset KIND FILE… --program SLUG``: validate and register a customer's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from programs.datasets import Source
from programs.datasets.loading.answer_lines import answer_lines
from programs.datasets.loading.limits import CHOICES
from programs.datasets.loading.preview_lines import preview_lines
from programs.load_profiles import save_profile
from programs.models import Campaign, Partner, Program
from programs.previews import preview_dataset
from programs.series import answer_of_dataset, snapshot_root
from programs.services import load_dataset


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
            "--map",
            action="append",
            default=[],
            metavar="OURS=THEIRS",
            help="a column of the file; without THEIRS: the file has none",
        )
        parser.add_argument(
            "--preview",
            action="store_true",
            help="look at the first rows, say what a load would do",
        )
        parser.add_argument(
            "--without", action="append", default=[], metavar="OPTION",
            help="an option of the profile that does not count this time",
        )  # fmt: skip
        both = parser.add_mutually_exclusive_group()
        for how, meaning in (("add", "add the rows to those that are current"), ("replace", "replace those")):
            both.add_argument(f"--{how}", dest="series", action="store_const", const=how, help=meaning)
        parser.add_argument("--json", action="store_true", dest="as_json", help="the whole answer as JSON")
        parser.add_argument(
            "--profile", default="", help="a load profile of the program, or a preset such as shopify-orders"
        )
        parser.add_argument("--save-profile", metavar="NAME", help="keep these choices as a load profile")
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
            if not separator or not ours:
                problems.append(Problem("--map", f"“{pair}” is not of the form ours=theirs."))
            mapping[ours.strip()] = theirs.strip()
        if problems:
            raise InvalidInput("Nothing was loaded.", problems=problems)
        said = {
            "program": program,
            "partner": partner,
            "mapping": mapping,
            "profile": options["profile"],
            "without": options["without"],
            **{choice.name: options[choice.name] for choice in CHOICES},
        }
        if options["preview"]:
            self.preview(options, said)
            return
        dataset, _ = load_dataset(
            options["kind"], options["files"], campaign=campaign, series=options["series"] or "", **said
        )
        if options["save_profile"]:
            save_profile(dataset, options["save_profile"])
        answer = answer_of_dataset(dataset)
        if options["as_json"]:
            self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))
            return
        for line in answer_lines(answer, snapshot_root()):
            self.stdout.write(line)

    def preview(self, options: dict[str, Any], said: dict[str, Any]) -> None:
        """Show what a load would do; fails like the load where something is open."""
        told = preview_dataset(options["kind"], [Source(Path(file)) for file in options["files"]], **said)
        if options["as_json"]:
            self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))
        else:
            for line in preview_lines(told):
                self.stdout.write(line)
        if told["questions"]:
            problems = [Problem(one["where"], one["sentence"]) for one in told["questions"]]
            raise InvalidInput("A load would be refused.", problems=problems)


def _find(model: Any, slug: str | None, option: str, problems: list[Problem]) -> Any:
    if not slug:
        return None
    found = model.objects.filter(slug=slug).first()
    if found is None:
        known = tuple(model.objects.order_by("slug").values_list("slug", flat=True)[:20])
        problems.append(Problem(option, f"“{slug}” is unknown.", known))
    return found
