"""Recipes as they were written before: their keys are read on under the names that they have now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Part of a recipe (`""` for the recipe itself) to old key and new key. Old keys are taken away.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "": {"similarity": "out_of_distribution", "soften": "logit_scale", "network": "architecture"},
    "augmentation": {"cover": "random_erasing"},
    "schedule": {
        "doubt": "label_smoothing",
        "neighbours": "ordinal_sigma",
        "cut": "patch_size",
        "steps": "steps_per_epoch",
        "on_label": "foreground_fraction",
        "weights": "pixel_weights",
        "keep": "checkpoint",
        "average": "ema",
    },
    "source": {"look_alikes": "near_duplicates"},
    "out_of_distribution": {"others": "far", "alike": "near"},
    "localise": {"cut": "crop"},
    "card": {"likeness": "ood"},
}

#: Fraction of a phase that the learning rate rose over in recipes of studies.
_STUDY_WARM_UP = 0.1


def migrate(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe of any age with the keys of today; one of today comes back as it is.

    Args:
        entry: As YAML gives it; what is no mapping where one has to be is left for the schema to refuse.

    Example:
        >>> migrate({"soften": 4.0, "schedule": {"rounds": 2, "learning_rate": 0.1, "steps": 5, "cut": 32}})["schedule"]
        {'steps_per_epoch': 5, 'patch_size': 32, 'monitor': 'dice', 'phases': [{'epochs': 2, 'learning_rate': 0.1}]}
    """
    old = dict(entry)
    segments, studies = "network" in old or "rounds" in _mapping(old.get("schedule")), _is_study(old)
    found = _renamed(old, RENAMED[""])
    if "soften" in old and isinstance(old["soften"], int | float) and old["soften"]:
        found["logit_scale"] = 1.0 / old["soften"]
    if "input" in found:
        found["inputs"] = [found.pop("input")]
    if "network" in old:
        found["architecture"] = {"name": "unet", "parameters": old["network"]}
        found.setdefault("task", "segmentation")
    if found.get("cross_validation") in ("none", {}):
        del found["cross_validation"]
    if found.get("explain_layer", "") is None:
        found["explain_layer"] = ""
    for name in ("missing", "derived", "frozen", "warm_start"):  # once left empty for nothing
        if name in found and not found[name]:
            del found[name]
    _move(found)
    _parts(found)
    if "schedule" in found and isinstance(found["schedule"], Mapping):
        found["schedule"] = _schedule(found["schedule"], segments, studies)
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_study(entry: Mapping[str, Any]) -> bool:
    """Whether it is a recipe of studies of before, whose data had a loader and no layout."""
    data = _mapping(entry.get("data"))
    return "loader" in data and "layout" not in data


def _renamed(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in entry.items()}


def _move(found: dict[str, Any]) -> None:
    """What stood in a place of its own and belongs to a part."""
    if "weights" in found and isinstance(found.get("schedule"), Mapping):
        found["schedule"] = {**found["schedule"], **_mapping(found.pop("weights"))}
    if "upside_down" in found:
        turns = found.pop("upside_down")
        found["augmentation"] = {**_mapping(found.get("augmentation")), "quarter_turns": turns}


def _parts(found: dict[str, Any]) -> None:
    """The keys of the parts."""
    for name in ("augmentation", "schedule", "out_of_distribution", "card"):
        if isinstance(found.get(name), Mapping):
            found[name] = _renamed(found[name], RENAMED[name])
    if isinstance(found.get("out_of_distribution"), Mapping):
        ood = {name: value for name, value in found["out_of_distribution"].items() if name != "method"}
        found["out_of_distribution"] = {name: _sources(value) for name, value in ood.items()}
    if "evaluate" in found:
        found["evaluate"] = _sources(found["evaluate"])
    if isinstance(found.get("localise"), list):
        found["localise"] = [_renamed(_mapping(each), RENAMED["localise"]) for each in found["localise"]]
    if isinstance(found.get("data"), Mapping):
        data = _renamed(found["data"], RENAMED["source"])
        layout = "studies" if "loader" in data else "masks" if "mask" in data else "images"
        found["data"] = data if "layout" in data else {"layout": layout, **data}


def _sources(sources: Any) -> Any:
    if not isinstance(sources, list):
        return sources
    return [_renamed(each, RENAMED["source"]) if isinstance(each, Mapping) else each for each in sources]


def _schedule(entry: Mapping[str, Any], segments: bool, studies: bool) -> dict[str, Any]:
    found = dict(entry)
    if segments:
        found["monitor"] = "dice"
    if "rounds" in found:
        rate = {"learning_rate": found.pop("learning_rate")} if "learning_rate" in found else {}
        found["phases"] = [{"epochs": found.pop("rounds"), **rate}]
    if studies:
        found.setdefault("warm_up", _STUDY_WARM_UP)
    return found
