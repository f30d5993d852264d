"""Ages become groups before results are told by subgroup."""

from core.training.data.images import load_cases
from core.training.recipe.sources import Source


def test_ages_become_groups_of_the_scores(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "t.csv").write_text("file,label,age\n1.png,0,39\n2.png,1,40.0\n3.png,1,\n", encoding="utf-8")
    source = Source(
        name="s", folder="s", table="t.csv", file="file", label="label", only_split="test",
        classes={"0": "A", "1": "B"}, attributes=("age",), bands={"age": (40,)},
    )  # fmt: skip
    ages = [case.attributes["age"] for case in load_cases(source, ("A", "B"), tmp_path)]
    assert ages == ["under 40", "40 and over", ""]
