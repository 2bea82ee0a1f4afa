"""The home page tells operations and auditors what does not arrive, and reviewers what they owe."""

from gtm.core import anchors
from plans.selectors import late_anchor_copies


def test_anchors_that_do_not_reach_a_place_are_told_with_the_reason(login, settings, demo):
    settings.GTM_AUDITORS = ["channel:nowhere"]
    made, _ = anchors.anchor(), anchors.anchor()
    (late,) = late_anchor_copies()
    assert (late["place"], late["copies"], late["since"].isoformat()[:19]) == (
        "channel:nowhere",
        2,
        made.at[:19],
    )
    shown = {
        name: late["error"] in login(name).get("/").content.decode() for name in ("ops", "auditor", "legal")
    }
    assert shown == {"ops": True, "auditor": True, "legal": False}


def test_nothing_is_said_to_be_broken_where_all_arrives(login, demo):
    anchors.anchor()
    assert late_anchor_copies() == []
    assert "Does not arrive" not in login("ops").get("/").content.decode()
