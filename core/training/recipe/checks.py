"""What the parts of a recipe have to say to each other, beyond what each says by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from core.inference.kinds import is_kind
from core.models.card import InputSpec
from core.training.recipe.schema import Recipe
from core.training.recipe.sources import MaskedImages, Source, StudyData

#: Task to how its data are laid out.
_LAYOUTS: dict[str, tuple[type, ...]] = {
    "binary": (Source, StudyData),
    "multiclass": (Source, StudyData),
    "ordinal": (Source, StudyData),
    "multilabel": (Source,),
    "segmentation": (MaskedImages,),
}


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that contradicts itself.

    Raises:
        Contradiction: It does; names the key.
    """
    for key, fault_of in _CHECKS.items():
        if fault := fault_of(recipe):
            raise Contradiction(key, fault)


class Contradiction(ValueError):
    """Parts of a recipe that do not fit each other.

    Attributes:
        key: The key of the recipe that the fault is in.
    """

    def __init__(self, key: str, fault: str) -> None:
        self.key = key
        super().__init__(fault)


def _fault_of(source: Source | MaskedImages | StudyData, labels: tuple[str, ...]) -> str:
    try:
        source.check_labels(labels)
    except ValueError as fault:
        return str(fault)
    return ""


def _labels(recipe: Recipe) -> str:
    if len(recipe.labels) < 2 and recipe.task != "multilabel":
        return f"labels {list(recipe.labels)}, of which there have to be two"
    return (
        f"labels {list(recipe.labels)}, of which two are the same"
        if len(set(recipe.labels)) < len(recipe.labels)
        else ""
    )


def _threshold(recipe: Recipe) -> str:
    of_masks = recipe.threshold_rule in {"pooled_dice", "mean_dice"}
    if of_masks != (recipe.task == "segmentation"):
        return f"task {recipe.task!r} with threshold rule {recipe.threshold_rule!r}"
    return ""


def _data(recipe: Recipe) -> str:
    data = recipe.data
    if not isinstance(data, _LAYOUTS[recipe.task]):
        return f"data that a task {recipe.task!r} cannot learn from"
    if fault := _fault_of(data, recipe.labels):
        return fault
    if isinstance(data, Source):
        named = data.label_columns if recipe.task == "multilabel" else data.classes if data.label else {}
        if not (data.split or data.division) or set(named.values()) != set(recipe.labels):
            return "data without label column, split column or images for every label"
    return ""


def _schedule(recipe: Recipe) -> str:
    weights, segments = recipe.schedule.pixel_weights, recipe.task == "segmentation"
    if weights and len(weights) != len(recipe.labels):
        return "pixel_weights that are not one for each label"
    if segments and not recipe.schedule.steps_per_epoch:
        return "a schedule without steps_per_epoch, which patches that are drawn at random need"
    if recipe.schedule.monitor == "kappa_quadratic" and recipe.task not in {"multiclass", "ordinal"}:
        return f"monitor 'kappa_quadratic' for a task {recipe.task!r}, which has no classes in order"
    return ""


def _inputs(recipe: Recipe) -> str:
    if not recipe.input_entries:
        return "no inputs"
    try:
        count = len(recipe.inputs)
    except KeyError as missing:
        return f"an input without {missing}"
    except (TypeError, ValueError, AttributeError, OverflowError) as fault:
        return str(fault).replace("\n", " ")
    if count > 1 and not isinstance(recipe.data, StudyData):
        return f"{count} inputs for data of one image a case"
    return ""


def _kinds(recipe: Recipe) -> str:
    strangers = [entry for entry in recipe.kinds if not is_kind(entry)]
    return f"kinds {', '.join(strangers)}, which nothing recognises" if strangers else ""


def _derived(recipe: Recipe) -> str:
    derived = recipe.derived
    if derived is None:
        return ""
    if recipe.task not in {"multiclass", "ordinal"}:
        return f"a derived question for a task {recipe.task!r}, which is not of classes"
    if not derived.labels or not set(derived.labels) < set(recipe.labels) or derived.name in recipe.labels:
        return f"a derived question {derived.name!r} whose labels are not some of the recipe's"
    return ""


def _sources(sources: Iterable[Source], recipe: Recipe) -> str:
    return next((fault for source in sources if (fault := _fault_of(source, recipe.labels))), "")


def _localise(recipe: Recipe) -> str:
    for truth in recipe.localise:
        if strangers := {*truth.labels, *truth.others_are} - set(recipe.labels):
            return f"labels of marked regions {truth.name!r} that are no labels: {', '.join(sorted(strangers))}"
    return ""


def _variants(recipe: Recipe) -> str:
    sequences = {spec.name for spec in recipe.inputs if spec.kind in {"sequence", "volume"}}
    for variant in recipe.variants:
        if variant.change is not None and variant.input not in sequences:
            return f"variant {variant.name!r} with change {variant.change!r} of {variant.input!r}, which is no sequence"
        if fault := strange_parts(variant.leave_out, recipe.inputs, f"variant {variant.name!r}"):
            return fault
    return ""


def strange_parts(names: Iterable[str], inputs: tuple[InputSpec, ...], what: str) -> str:
    """What is wrong with names that have to be inputs or features, `""` for nothing."""
    parts = {spec.name for spec in inputs} | {feature.name for spec in inputs for feature in spec.features}
    strangers = set(names) - parts
    return f"{what} with {', '.join(sorted(strangers))}, which is no input or feature" if strangers else ""


#: Key of a recipe to what is wrong there, in the order in which they build on each other; `""` for nothing.
_CHECKS: dict[str, Callable[[Recipe], str]] = {
    "labels": _labels,
    "threshold": _threshold,
    "data": _data,
    "schedule": _schedule,
    "inputs": _inputs,
    "kinds": _kinds,
    "derived": _derived,
    "evaluate": lambda recipe: _sources(recipe.evaluate, recipe),
    "out_of_distribution": lambda recipe: _sources(
        (*recipe.out_of_distribution.far, *recipe.out_of_distribution.near), recipe
    ),
    "localise": _localise,
    "missing": lambda recipe: strange_parts(recipe.missing, recipe.inputs, "missing"),
    "variants": _variants,
}
