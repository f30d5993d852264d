"""Looks of models: fixed, distinct where models meet, and readable."""

from itertools import combinations

import pytest

from core.figures.comparing.lines import LINE_COLORS, line_numbers, line_of


def test_models_that_share_a_question_never_look_alike():
    groups = {"A": [f"m{k}" for k in range(9)], "B": ["m3", "x", "y"], "C": ["y", "m8"]}
    numbers = line_numbers(groups)
    for models in groups.values():
        looks = {(line_of("", numbers[m]).color, line_of("", numbers[m]).dash) for m in models}
        assert len(looks) == len(models)


def test_a_model_alone_takes_the_first_colour():
    assert line_numbers({"A": ["a", "b"], "B": ["z"]})["z"] == 0


def test_the_order_in_which_models_come_does_not_matter():
    assert line_numbers({"A": ["b", "a"]}) == line_numbers({"A": ["a", "b"]}) == {"a": 0, "b": 1}


def test_sixteen_looks_differ():
    looks = [line_of("", number) for number in range(16)]
    assert all((one.color, one.dash) != (two.color, two.dash) for one, two in combinations(looks, 2))


def luminance(color):
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", LINE_COLORS)
@pytest.mark.parametrize("ground", ["#ffffff", "#12181b"])
def test_lines_stand_out_from_both_themes(color, ground):
    light, dark = sorted((luminance(color), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3
