"""Links and fields are read from what stands there, as a browser or a reader would."""

from programs.analytics.found_links import field_value, find_links

PAGE = """<!doctype html><p xmlns="http://www.w3.org/1999/xhtml">See http://example.com/bare
<a href="https://example.com/?a=1&amp;b=2">one</a> <A HREF='https://example.com/two'>two</A>
<a href="https://example.com/?a=1&amp;b=2">again</a> <a href="mailto:a@example.com">mail</a>
<a href="#top">up</a>
<img src="https://example.com/pixel.gif"><form action="https://example.com/join">
<input name="ref" value="A&amp;B">
<input name="ref" value="second"><input name="bare"></form>"""


def test_html_links_are_attributes_decoded_and_each_once():
    assert find_links(PAGE, is_html=True) == (
        "https://example.com/?a=1&b=2",
        "https://example.com/two",
        "https://example.com/pixel.gif",
        "https://example.com/join",
    )


def test_text_links_end_before_the_punctuation_of_their_sentence():
    text = (
        "Go to https://example.com/a?b=1. Or (https://example.com/c), or [d](https://example.com/d)! ftp://x"
    )
    assert find_links(text, is_html=False) == (
        "https://example.com/a?b=1",
        "https://example.com/c",
        "https://example.com/d",
    )


def test_a_field_is_the_first_of_its_name_and_may_be_empty_or_missing():
    assert [field_value(PAGE, name) for name in ("ref", "bare", "code")] == ["A&B", "", None]
