"""Titles and headings that say that a page is gone, and those that only sound like it."""

import pytest

from programs.analytics.gone import GoneWords, said_in, says_gone


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("404", "404"),
        ("Oops! 404", "404"),
        ("404 Not Found", "404"),
        ("Page not found | Shop of friends", "not found"),
        ("This page does not exist", "does not exist"),
        ("This offer has ended", "has ended"),
        ("Sorry, the content you are looking for is no longer available", "no longer available"),
        ("Seite nicht gefunden", "nicht gefunden"),
        ("Sivua ei löydy", "ei löydy"),
        ("Sidan finns inte", "finns inte"),
        ("Stránka nenalezena", "nenalezena"),
        ("Az oldal nem található", "nem található"),
        ("Η σελίδα δεν βρέθηκε", "δεν βρέθηκε"),
        ("Puslapis nerastas", "nerastas"),
        ("Lehte ei leitud", "ei leitud"),
        ("This link is no longer active", "no longer active"),
        ("الصفحة غير موجودة", "غير موجودة"),
        ("ページが見つかりません", "見つかりません"),
    ],
)
def test_a_page_that_is_gone_says_so(text, words):
    assert said_in(text) == GoneWords(words, is_all=True)


@pytest.mark.parametrize(
    "text", ["Join the 404 Coffee Club", "A better way to thank your friends does not exist"]
)
def test_the_words_alone_are_for_a_person_to_judge(text):
    assert said_in(text).is_all is False


@pytest.mark.parametrize("text", ["", "Join 4,040 people", "Join us", "The weekend is overrated"])
def test_other_words_say_nothing(text):
    assert said_in(text) is None


def test_an_answer_of_any_length_is_read_for_the_words():
    assert says_gone("We have looked everywhere. The code was not found. Try again.")
    assert not says_gone("Thank you, you have joined.")
    assert not says_gone("Kiitos! Jos viestiä ei löydy, katso roskapostista.")
