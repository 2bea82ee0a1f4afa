"""Comments are counted by the words they have, and by nothing else."""

from programs.analytics.comments import WrittenAnswer, count_themes, other_words, without_traces


def answers(*texts, score=2):
    return [WrittenAnswer("csat", score, text) for text in texts]


def test_an_answer_is_in_every_theme_it_names_and_in_no_other():
    said = answers("Delivery was late", "Too expensive, and delivered broken", "I like apples", "Fine.")
    found = {each.theme: each.answers for each in count_themes(said)}
    assert found == {"Delivery": 2, "Price": 1, "Quality": 1}


def test_the_example_is_the_newest_that_was_not_content():
    said = [*answers("Points are fun", score=5), *answers("My points expired", "Points?", score=1)]
    (theme,) = count_themes(said)
    assert (theme.theme, theme.answers, theme.low, theme.example) == (
        "Points and rewards", 3, 2, "My points expired",
    )  # fmt: skip


def test_words_of_no_theme_are_seen_from_three_answers_on():
    said = answers("The perfume leaks", "perfume perfume", "Perfume, again", "a candle", "candle")
    assert other_words(said) == [("perfume", 3)]


def test_an_example_has_no_address_and_no_number_of_a_person():
    assert without_traces("Call +49 170 1234567 or\nme@home.example now") == "Call … or … now"
    assert len(without_traces("word " * 100)) == 160
