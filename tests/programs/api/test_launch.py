"""Launch material over REST: the admin's checks, versions by ETag, history, and who may."""

from programs.models import LaunchProfile, MessageTemplate
from tests.doors import url

FAQ = {"key": "faq-2", "asset": "faq", "channel": "every", "title": "More", "text": "## Why?\nBecause.",
       "utm_source": "help", "utm_medium": "support"}  # fmt: skip


def test_a_template_is_made_changed_by_its_version_and_keeps_its_history(ops):
    made = ops.post(url("message-templates/"), FAQ, format="json")
    assert (made.status_code, made.data["version"]) == (201, 1)
    place = url(f"message-templates/{made.data['id']}/")
    etag = ops.get(place).headers["ETag"]
    assert ops.patch(place, {"text": "New."}, format="json", headers={"if-match": etag}).data["version"] == 2
    stale = ops.patch(place, {"text": "Newer."}, format="json", headers={"if-match": etag})
    assert stale.status_code == 412
    assert ops.get(f"{place}history/").status_code == 200


def test_what_the_admin_refuses_is_refused_by_field_and_stores_nothing(ops):
    before = MessageTemplate.objects.count()
    answer = ops.post(url("message-templates/"), FAQ | {"text": "{{ a", "utm_source": "CRM"}, format="json")
    assert answer.status_code == 400
    assert {problem["field"] for problem in answer.data["errors"]} == {"text", "utm_source"}
    assert MessageTemplate.objects.count() == before


def test_a_change_is_checked_with_what_stays(ops):
    mail = MessageTemplate.objects.get(key="launch-email", segment="")
    place = url(f"message-templates/{mail.pk}/")
    etag = ops.get(place).headers["ETag"]
    answer = ops.patch(place, {"subject": ""}, format="json", headers={"if-match": etag})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "subject")


def test_a_profile_is_found_by_its_program_and_its_hosts_are_checked(ops):
    found = ops.get(url("launch-profiles/"), {"program__slug": "customer-advocates"}).data["results"]
    assert [profile["program"] for profile in found] == ["customer-advocates"]
    place = url(f"launch-profiles/{found[0]['id']}/")
    etag = ops.get(place).headers["ETag"]
    bad = ops.patch(place, {"allowed_hosts": ["http://x/"]}, format="json", headers={"if-match": etag})
    assert (bad.status_code, bad.data["errors"][0]["field"]) == (400, "allowed_hosts")
    assert LaunchProfile.objects.get().allowed_hosts == []


def test_approvers_and_auditors_read_and_do_not_write(as_):
    for who in ("finance", "auditor"):
        assert as_(who).get(url("message-templates/")).status_code == 200
        assert as_(who).post(url("message-templates/"), FAQ, format="json").status_code == 403
