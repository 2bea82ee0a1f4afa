"""``manage.py agent_plugins``: write the plugins for coding agents, from the commands that are registered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

FOLDER = Path("integrations") / "claude"


class Command(BaseCommand):
    help = "Write the plugin marketplace for coding agents from the registered commands"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / FOLDER, help="another folder")

    def handle(self, *args: Any, **options: Any) -> None:
        from plans.mcp import plugins  # noqa: PLC0415 - it loads the protocol's library

        made = plugins.files()
        for name in {Path(path).parts[0] for path in made}:  # a command that is gone leaves no file
            shutil.rmtree(options["to"] / name, ignore_errors=True)
        for path, text in made.items():
            target = options["to"] / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(made)} files written to {options['to']}.")
