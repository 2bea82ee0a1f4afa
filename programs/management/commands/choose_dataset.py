"""``manage.py choose_dataset NUMBER --reason …``: which dataset of its series counts from now on."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import NotFound
from programs.models import Dataset
from programs.series import make_current, take_back


class Command(GovernedCommand):
    help = "Make a dataset the current one of its series, or take that choice back"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("dataset", type=int, help="its number")
        parser.add_argument("--reason", default="", help="why; it is kept in the change log")
        parser.add_argument(
            "--take-back", action="store_true", help="what was current before it is current again"
        )

    def act(self, **options: Any) -> None:
        dataset = Dataset.objects.filter(pk=options["dataset"]).first()
        if dataset is None:
            raise NotFound(f"There is no dataset {options['dataset']}.")
        choose = take_back if options["take_back"] else make_current
        self.stdout.write(choose(dataset, reason=options["reason"]))
