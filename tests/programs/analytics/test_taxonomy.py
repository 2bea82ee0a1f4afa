import pytest

from programs.analytics.taxonomy import (
    ReviewItem,
    StageMap,
    Vocabulary,
    audit_coverage,
    map_stages,
    read_link,
)

WORDS = Vocabulary(
    allowed={"source": frozenset({"acme", "globex"}), "medium": frozenset({"email", "webinar"})},
    aliases={"source": {"Acme Corp": "acme"}, "medium": {"e-mail": "email"}},
)
LINK = "https://x.test/?utm_source=ACME+Corp&utm_medium=E-Mail&utm_campaign=Tour"
STAGES = StageMap(
    "acme", ("lead", "mql", "won"), {"New": ("lead",), "Working": ("lead", "mql"), "Closed": ("won",)}
)


def test_aliases_and_case_lead_to_canonical_values():
    link = read_link(LINK, WORDS)
    assert link.values == {"source": "acme", "medium": "email", "campaign": "tour"}
    assert link.covered


def test_unknown_value_is_kept_for_review_and_not_guessed():
    link = read_link("https://x.test/?utm_source=akme&utm_medium=email&utm_campaign=tour", WORDS)
    assert link.unknown == {"source": "akme"}
    assert not link.covered


def test_contradicting_values_conflict_and_equal_spellings_do_not():
    assert read_link(f"{LINK}&utm_source=globex", WORDS).conflicts == ("source",)
    assert read_link(f"{LINK}&UTM_Source=acme", WORDS).conflicts == ()


def test_missing_and_empty_fields_are_named():
    assert read_link("https://x.test/?utm_source=acme&utm_medium=", WORDS).missing == ("medium", "campaign")


def test_audit_counts_rows_and_lists_unknown_values_by_rows():
    audit = audit_coverage(
        [
            (LINK, 31),
            ("https://x.test/?utm_source=akme&utm_medium=email&utm_campaign=t", 4),
            ("https://x.test/?utm_source=akmee&utm_medium=email&utm_campaign=t", 5),
        ],
        WORDS,
    )
    assert (audit.coverage.numerator, audit.coverage.denominator) == (31, 40)
    assert (audit.coverage.low, audit.coverage.high) == pytest.approx((0.6250, 0.8768), abs=5e-5)
    assert audit.review == (
        ReviewItem("source", "akmee", 5, ("acme", "globex")),
        ReviewItem("source", "akme", 4, ("acme", "globex")),
    )


def test_coverage_of_nothing_is_unavailable():
    assert not audit_coverage([], WORDS).coverage


def test_ambiguous_and_unknown_stages_go_to_review_and_no_row_is_lost():
    mapped, review = map_stages({"new ": 5, "Working": 7, "Zombie": 2, "closed": 1}, STAGES)
    assert mapped == {"lead": 5, "won": 1}
    assert review == (
        ReviewItem("stage of acme", "Working", 7, ("lead", "mql")),
        ReviewItem("stage of acme", "Zombie", 2, ()),
    )


@pytest.mark.parametrize("aliases", [{"acme2": "nobody"}, {"globex": "acme"}])
def test_contradictory_vocabulary_is_refused(aliases):
    with pytest.raises(ValueError, match="alias"):
        Vocabulary({"source": frozenset({"acme", "globex"})}, {"source": aliases})


def test_stage_map_to_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="common stages"):
        StageMap("acme", ("lead",), {"New": ("prospect",)})
