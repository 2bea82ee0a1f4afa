"""Celery entry points of the core."""

from __future__ import annotations

from celery import shared_task

from gtm.core import account_mail, kept_answer
from gtm.core.evidence import anchors, cosigning


@shared_task(name="gtm.core.tasks.anchor_changelog")
def anchor_changelog(*, tell_auditors: bool = True, wanted_by: str = "") -> None:
    """``wanted_by``: the chain that asks. One anchor does for all that asked while it was on its way."""
    if not (wanted_by and anchors.holds_head(wanted_by)):
        anchors.anchor(tell_auditors=tell_auditors)


@shared_task(name="gtm.core.tasks.deliver_anchors")
def deliver_anchors() -> None:
    anchors.deliver()


@shared_task(name="gtm.core.tasks.send_account_mail")
def send_account_mail() -> None:
    account_mail.deliver()


@shared_task(name="gtm.core.tasks.submit_checkpoints")
def submit_checkpoints() -> None:
    cosigning.submit()


@shared_task(name="gtm.core.tasks.drop_kept_answers")
def drop_kept_answers() -> None:
    kept_answer.drop_old()
