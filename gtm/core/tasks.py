"""Celery entry points of the core."""

from __future__ import annotations

from celery import shared_task

from gtm.core.evidence import anchors


@shared_task(name="gtm.core.tasks.anchor_changelog")
def anchor_changelog(*, tell_auditors: bool = True) -> None:
    anchors.anchor(tell_auditors=tell_auditors)


@shared_task(name="gtm.core.tasks.deliver_anchors")
def deliver_anchors() -> None:
    anchors.deliver()
