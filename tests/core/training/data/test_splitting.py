"""Splits for sets that come without one."""

import pytest
from msgspec.structs import replace

from core.training.data.images import load_cases
from core.training.data.splitting import divide
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe
from core.training.recipe.sources import Division, Source


def rows(count, label="a", group=str):
    return [{"group": group(number), "label": label, "number": str(number)} for number in range(count)]


def test_groups_get_their_fractions_within_each_class():
    both = rows(100) + rows(60, "b", lambda number: f"b{number}")
    homes = divide(Division("groups", val=0.2, test=0.1), both, "group", "label")
    for label, test, val in (("a", 10, 20), ("b", 6, 12)):
        found = [homes[row["group"]] for row in both if row["label"] == label]
        assert (found.count("test"), found.count("val")) == (test, val)


def test_groups_do_not_depend_on_the_order_of_the_table():
    division = Division("groups", val=0.2, test=0.2)
    assert divide(division, rows(50), "group", "label") == divide(division, rows(50)[::-1], "group", "label")


def test_group_is_not_torn_apart():
    pairs = rows(40, group=lambda number: str(number // 2))
    homes = divide(Division("groups", val=0.2, test=0.2), pairs, "group", "label")
    assert len(homes) == 20
    assert set(homes.values()) == {"train", "val", "test"}


def test_blocks_follow_the_running_number_as_a_number():
    homes = divide(Division("blocks", val=0.25, test=0.25, order="number"), rows(20), "group", "label")
    assert [homes[str(number)] for number in range(20)] == ["train"] * 10 + ["val"] * 5 + ["test"] * 5
    homes = divide(Division("blocks", val=0.25, test=0.25, order="number", descending=True), rows(20), "group", "label")
    assert [homes[str(number)] for number in range(20)] == ["test"] * 5 + ["val"] * 5 + ["train"] * 10
    far = rows(20, group=lambda number: str(number % 10))  # 0 and 10 are a group, 1 and 11, …
    homes = divide(Division("blocks", val=0.2, test=0.2, order="number", descending=True), far, "group", "label")
    assert [homes[str(number)] for number in range(10)] == ["test"] * 2 + ["val"] * 2 + ["train"] * 6


@pytest.mark.parametrize(
    "wrong", [{"how": "blocks", "val": 0.2}, {"how": "groups", "val": 0.0}, {"how": "groups", "val": 0.6, "test": 0.4}]
)
def test_contradictory_division_is_refused(wrong, entry, write_recipe):
    entry["data"]["division"] = wrong
    with pytest.raises(InvalidRecipe):
        load_recipe(write_recipe(entry))


@pytest.fixture
def table(tmp_path):
    """A table of 40 rows, the last ten of which are an official test part."""
    lines = [
        f"{n}.png,{'ab'[n % 2]},{'test' if n >= 30 else 'train'},{n / 40},{'x' if n == 3 else ''}" for n in range(40)
    ]
    (tmp_path / "t.csv").write_text("file,label,split,lung,copy_of\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return Source(
        name="s", folder=".", table="t.csv", file="file", label="label", split="split", classes={"a": "A", "b": "B"},
        division=Division("groups", val=0.2),
    )  # fmt: skip


def test_division_leaves_an_official_test_part_alone(table, tmp_path):
    cases = load_cases(table, ("A", "B"), tmp_path)
    assert [case.name for case in cases if case.split == "test"] == [f"{n}.png" for n in range(30, 40)]
    assert sum(case.split == "val" for case in cases) == 6


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"keep": {"copy_of": [""]}}, 39),
        ({"leave_out": {"file": ["1.png", "2.png"]}}, 38),
        ({"at_least": {"lung": 0.5}}, 20),
    ],
)
def test_rows_can_be_left_out_by_their_columns(rule, left, table, tmp_path):
    assert len(load_cases(replace(table, **rule), ("A", "B"), tmp_path)) == left


def test_column_of_a_rule_has_to_exist(table, tmp_path):
    with pytest.raises(InvalidRecipe, match="and lacks conflict"):
        load_cases(replace(table, leave_out={"conflict": ["1"]}), ("A", "B"), tmp_path)
