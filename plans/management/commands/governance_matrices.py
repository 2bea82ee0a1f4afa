"""``manage.py governance_matrices``: write the matrices in docs/ that auditors read, from the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from plans.management import authority_matrix, matrices, rest_matrix

FILES = {
    "separation-matrix.md": matrices.separation_matrix,
    "permission-matrix.md": matrices.permission_matrix,
    "authority-matrix.md": authority_matrix.authority_matrix,
    "rest-matrix.md": rest_matrix.rest_matrix,
}


class Command(BaseCommand):
    help = "Write the matrices of duties, permissions and authority in docs/ from the code"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "docs", help="another folder")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, write in FILES.items():
            path = options["to"] / name
            path.write_text(write(), encoding="utf-8")
            self.stdout.write(f"{path} written.")
