"""``manage.py anchor_changelog``: write the heads of all chains down in three places."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.evidence import anchors


class Command(BaseCommand):
    help = "Anchor the change log: database, file (GTM_ANCHORS_DIR) and auditors (GTM_AUDITORS)"

    def handle(self, *args: Any, **options: Any) -> None:
        made = anchors.anchor()
        self.stdout.write(f"anchor {made.number}  {made.root}  {len(made.heads)} chains grew")
        late = made.copies.filter(delivered_at=None)
        for copy in late:
            self.stderr.write(f"  not yet at {copy.place}: {copy.error}")
        if late:
            raise CommandError("The anchor is made, but not everywhere; it is tried again.", returncode=1)
