"""A kit on the plan page: HTML in a frame without rights, the archive as it was approved."""

import hashlib
import re

import pytest
from django.urls import reverse

from gtm.core import canonical
from gtm.core.actors import Actor, acting_as
from gtm.core.places import filestore
from plans.commands.launch_program.steps.communications import render_kit
from plans.models import Artifact
from plans.schemas.outputs import payload_of
from programs.models import Program
from tests.plans.commands.launch_program.launch_kit import context_of


@pytest.fixture
def shown(asked):
    """A plan that holds the outputs of a kit."""
    with acting_as(Actor.system("Test")):
        result = render_kit(context_of(Program.objects.get(slug="customer-advocates")))
        for output in result.outputs:
            payload = payload_of(output)
            Artifact(
                plan=asked, task=asked.tasks.first(), key=output.key, title=output.title, kind=output.kind,
                payload=payload, sha256=canonical.digest(payload),
            ).save()  # fmt: skip
    return asked


def download(client, plan, key, fmt):
    artifact = plan.artifacts.get(key=key)
    return client.get(reverse("admin:plans_plan_output", args=[plan.pk, artifact.pk, fmt]))


def test_every_html_piece_is_shown_in_a_frame_that_may_do_nothing(login, shown):
    body = login("ops").get(reverse("admin:plans_plan_change", args=[shown.pk])).content.decode()
    frames = re.findall(r"<iframe[^>]*>", body)
    assert len(frames) == 3
    assert [re.search(r'sandbox="([^"]*)"', frame)[1] for frame in frames] == ["", "", ""]
    assert "allow-" not in "".join(frames)


def test_the_archive_is_downloaded_as_the_bytes_of_its_digest(login, shown):
    response = download(login("auditor"), shown, "comms-kit", "file")
    told = shown.artifacts.get(key="comms-kit").payload
    assert hashlib.sha256(response.content).hexdigest() == told["sha256"]
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == f'attachment; filename="{shown.plan_id}-comms-kit.zip"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_archive_that_was_altered_on_disk_is_not_handed_out(login, shown, settings):
    told = shown.artifacts.get(key="comms-kit").payload
    (settings.GTM_DATA_DIR / told["path"]).write_bytes(b"something else")
    response = download(login("ops"), shown, "comms-kit", "file")
    assert response.status_code == 404


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "json", "md"])
def test_messages_download_as_tables_too(login, shown, fmt):
    assert download(login("ops"), shown, "comms-preview", fmt).status_code == 200


def test_a_table_is_no_file(login, shown):
    assert download(login("ops"), shown, "tracking-links", "file").status_code == 404
    assert filestore.read(shown.artifacts.get(key="comms-kit").payload["path"])[:2] == b"PK"
