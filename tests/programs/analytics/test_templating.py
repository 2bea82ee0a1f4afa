"""Communications: filled completely, escaped where it matters, tracked, and no code from templates."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.link_check import check_link
from programs.analytics.templating import Template, TemplatingError, render, variables_of

EMAIL = {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "customer-advocates"}
APP = EMAIL | {"utm_source": "app", "utm_medium": "in-app"}
VOCABULARY = {name: {EMAIL[name], APP[name]} for name in EMAIL}
DESTINATIONS = {"landing": "https://example.com/advocates"}
VARIABLES = {
    "program": {"name": "Customer Advocates", "owner": {"name": "Ada"}},
    "reward": "$20",
    "launch_date": date(2025, 12, 10),
    "steps": ["Invite", "Earn"],
}


def text(source, variables=VARIABLES, name="mail.txt", tags=EMAIL):
    return render([Template(name, source, tags)], variables, DESTINATIONS)[name]


def problems_of(*templates, variables=VARIABLES, destinations=DESTINATIONS):
    with pytest.raises(TemplatingError) as refused:
        render([Template(name, source, EMAIL) for name, source in templates], variables, destinations)
    return refused.value.problems


def test_every_variable_is_filled():
    source = "{{ program.name }} by {{ program['owner'].name }}, {{ launch_date.strftime('%-d %B') }}"
    assert text(source) == "Customer Advocates by Ada, 10 December"


def test_blocks_leave_no_empty_lines_and_the_last_line_its_end():
    assert text("{% for step in steps %}\n  - {{ step }}\n{% endfor %}\n") == "  - Invite\n  - Earn\n"


def test_everything_missing_in_all_templates_is_told_at_once():
    assert problems_of(
        ("b.txt", "{{ reward }} {{ salutation }} {{ program.owner.phone }} {{ link.help }}"),
        ("a.html", "{% if reward %}x{% else %}{{ excuse }}{% endif %}{{ salutation }}"),
    ) == (
        "a.html: excuse is not filled.",
        "a.html: salutation is not filled.",
        "b.txt: link.help is not filled.",
        "b.txt: program.owner.phone is not filled.",
        "b.txt: salutation is not filled.",
    )


@pytest.mark.parametrize("blank", [None, "", "  ", {"name": None}])
def test_a_blank_is_not_filled(blank):
    assert problems_of(("a.txt", "{{ program.name }}"), variables={"program": blank})[0].endswith(
        "is not filled."
    )


def test_zero_and_false_are_filled():
    assert text("{{ count }} {{ is_open }}", {"count": 0, "is_open": False}) == "0 False"


def test_a_part_missing_inside_a_loop_is_refused():
    assert problems_of(("a.txt", "{% for step in steps %}{{ step.reward }}{% endfor %}")) == (
        "a.txt: 'str object' has no attribute 'reward'.",
    )


@pytest.mark.parametrize(
    "source", ["{{ reward.title }}", "{% for step in steps %}{{ step.title }}{% endfor %}", "{{ none }}"]
)
def test_what_nobody_meant_to_be_read_is_refused(source):
    assert problems_of(("a.txt", source)) == (
        "a.txt: an expression comes to nothing, or to a function that is not called.",
    )


def test_html_escapes_and_text_does_not():
    risky = {"name": "<b>Ada & Co</b>"}
    assert text("{{ name }}", risky, name="mail.html") == "&lt;b&gt;Ada &amp; Co&lt;/b&gt;"
    assert text("{{ name }}", risky) == "<b>Ada & Co</b>"


# ------------------------------------------------------------------ links


def test_links_are_tagged_for_the_channel_and_pass_link_qa():
    templates = [
        Template("mail.txt", "{{ link.landing }}", EMAIL),
        Template("prompt.txt", "{{ link.landing }}", APP),
    ]
    rendered = render(templates, VARIABLES, DESTINATIONS)
    assert rendered["mail.txt"] == (
        "https://example.com/advocates?utm_campaign=customer-advocates&utm_medium=email&utm_source=newsletter"
    )
    assert "utm_medium=in-app" in rendered["prompt.txt"]
    assert all(check_link(address, VOCABULARY).findings == () for address in rendered.values())


def test_html_links_keep_their_tags():
    found = text('<a href="{{ link.landing }}">Join</a>', name="mail.html")
    assert "utm_campaign=customer-advocates&amp;utm_medium=email&amp;utm_source" in found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.txt", "See https://example.com/help."),
        ("a.html", '<a href="https://example.com/help">x</a>'),
        ("a.txt", "https://example.com/help ({{ link.landing }})."),
    ],
)
def test_an_address_typed_by_hand_is_refused(name, source):
    assert problems_of((name, source)) == (
        f"{name}: https://example.com/help was typed by hand and is not tracked; use link.",
    )


def test_addresses_of_others_may_be_typed():
    assert text("https://partner.example/terms") == "https://partner.example/terms"


def test_a_destination_that_cannot_be_tagged_is_refused():
    found = problems_of(("a.txt", "x"), destinations={"landing": "/advocates"})
    assert found == ("a.txt: /advocates is no absolute web address.",)


# ------------------------------------------------------------------ templates are data


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ steps.append('x') }}",
        "{% include 'other.txt' %}",
        "{{ 1 / 0 }}",
        "{{ range(10 ** 9) }}",
    ],
)
def test_templates_run_no_code_and_change_nothing(source):
    assert len(problems_of(("a.txt", source))) == 1
    assert VARIABLES["steps"] == ["Invite", "Earn"]


def test_bad_syntax_names_template_and_line():
    assert problems_of(("a.txt", "one\n{{ two"))[0].startswith("a.txt, line 2: ")


def test_a_name_given_twice_and_a_variable_called_link_are_refused():
    found = problems_of(("a.txt", "x"), ("a.txt", "y"), variables={"link": "x"})
    assert found == ("There is more than one a.txt.", "A variable must not be called link.")


def test_a_template_says_what_it_asks_for():
    template = Template(
        "a.txt", "{{ program.name }}{% for s in steps %}{{ s }}{% endfor %}{{ link.landing }}", {}
    )
    assert variables_of(template) == {"program", "steps"}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_what_is_put_into_html_never_becomes_markup(value):
    found = text("<p>{{ name }}</p>", {"name": value}, name="a.html")
    assert not set('<>"') & set(found.removeprefix("<p>").removesuffix("</p>"))
