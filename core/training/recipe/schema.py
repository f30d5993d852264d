"""Recipes: everything that makes a model, as data. One YAML file a model in `core/training/recipes/`.

A recipe names the data and their split, the input contracts, the network, augmentation, schedule and seed, and the
prose of the card. What comes out of it (numbers, hashes) is written by `python -m core.training`, never by hand. Keys
are the attributes of the classes here; `reading.load_recipe` says which line is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from core.errors import ScanLensError
from core.models.card import InputSpec, Task, input_spec
from core.training.recipe.course import Augmentation, Schedule
from core.training.recipe.prose import Prose
from core.training.recipe.sources import MaskedImages, Part, Source, StudyData, Truth

SPLITS = ("train", "val", "test")

ThresholdRule = Literal["youden", "sensitivity", "pooled_dice", "mean_dice"]

Change = Literal["shuffle", "freeze", "reverse"]


class InvalidRecipe(ScanLensError):
    """A recipe lacks something or contradicts itself."""


class Architecture(Part, frozen=True):
    """A network.

    Attributes:
        name: Name for `architectures.registry.architecture`.
        parameters: Keyword arguments of the builder.
    """

    name: str
    parameters: Mapping[str, Any] = {}


class Threshold(Part, frozen=True):
    """What the validation split chooses thresholds by.

    Attributes:
        rule: `youden`, or `sensitivity` for the highest threshold that reaches `value`; for masks `pooled_dice` of all
            pixels together, or `mean_dice` of the images, where one without the label counts 1 if nothing is predicted
            and 0 otherwise. None for `youden`, or `pooled_dice`.
        value: The sensitivity to reach.
    """

    rule: ThresholdRule | None = None
    value: float = 0.95


class OutOfDistribution(Part, frozen=True):
    """What the similarity check is measured on.

    Attributes:
        far: Images it has to refuse.
        near: Images it should let pass, from elsewhere.
    """

    far: tuple[Source, ...] = ()
    near: tuple[Source, ...] = ()


class Derived(Part, frozen=True):
    """A yes-or-no question that follows from the classes; its threshold is chosen by the same rule.

    Attributes:
        name: Of the question.
        labels: Those that mean yes.
    """

    name: str
    labels: tuple[str, ...]


class Folds(Part, frozen=True):
    """Cross-validation by patient; each fold is the test set of one training.

    Attributes:
        folds: How many.
        val: Fraction of the patients outside the test fold that validate.
        seed: Of the deal.
    """

    folds: int = 5
    val: float = 0.15
    seed: int = 0


class Variant(Part, frozen=True):
    """A measurement with changed inputs.

    Attributes:
        name: For people and file names, e.g. `frames shuffled`.
        input: Sequence whose frames change.
        change: `shuffle` in an order drawn for each case, `freeze` at the first frame, `reverse`.
        leave_out: Inputs or features that the model has to do without.
    """

    name: str
    input: str = ""
    change: Change | None = None
    leave_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.change is None) != bool(self.leave_out):
            raise ValueError(f"variant {self.name!r} that changes nothing, or in two ways")

    @property
    def slug(self) -> str:
        """The name for a file."""
        return "-".join(self.name.lower().split())


class Timing(Part, frozen=True):
    """How sequences vary in training.

    Attributes:
        start: Largest shift of the first frame, the cycle being closed; in frames either way.
        fewest: Frames that are left of a sequence in half of the cases, at least; those are then repeated to the full
            number, so that repeated frames, which come from short scans, tell nothing. 0 for never.
    """

    start: int = 0
    fewest: int = 0


class Frozen(Part, frozen=True):
    """The beginning of a network that stays as a warm start left it.

    Attributes:
        layers: The last layers of that beginning, whose outputs are computed once.
        variations: Variations of each case that are computed.
    """

    layers: tuple[str, ...]
    variations: int = 12


class Recipe(Part, frozen=True, kw_only=True, dict=True):
    """One model from data to card.

    Attributes:
        slug: Name of the file and of the bundle.
        sha256: Of the file.
        title: Short name for people.
        summary: One sentence: what it answers.
        task: What kind of answer.
        labels: Names of the classes; of a segmentation the first is the background.
        data: Where it learns, with a split by patient.
        evaluate: What else it is measured on.
        input_entries: The input contracts as written, under the key `inputs`.
        architecture: The network.
        explain_layer: Layer whose activations heatmaps are drawn from, `""` for a model without images.
        warm_start: Name in `WARM_STARTS`, `""` for none.
        frozen: What a warm start is left as it is, or None.
        augmentation: How images vary; the images of a study move together.
        timing: How sequences vary.
        missing: Input or feature to the chance of being left out in training.
        schedule: How long and how fast.
        seed: Of everything that is drawn.
        kinds: Kinds of image that the model knows, slugs of `core.inference.kinds`, as `chest-radiograph/child` where
            it is one variant; empty for a model without images, and for kinds that nothing recognises.
        logit_scale: Multiplies the logits of the trained network once and for all. Where they are very large, the
            rounding of the sums before them shows in the probabilities, and no two programs agree on them to 1e-5.
        threshold: How thresholds are chosen.
        cross_validation: Folds, or None where the split of the data holds.
        variants: Measurements with changed inputs.
        distances: Whether distances between masks are measured.
        out_of_distribution: What the similarity check is measured on.
        derived: A yes-or-no question that follows from the classes.
        localise: Marked regions to measure heatmaps against.
        healthy: Images without any finding, on which a segmentation should mark none of `healthy_labels`.
        healthy_labels: The labels that are findings.
        card: Prose, licence and the like.
    """

    title: str
    summary: str
    task: Task
    labels: tuple[str, ...]
    data: Source | MaskedImages | StudyData
    input_entries: tuple[dict[str, Any], ...] = msgspec.field(name="inputs")
    architecture: Architecture
    schedule: Schedule
    seed: int
    card: Prose
    explain_layer: str = ""
    kinds: tuple[str, ...] = ()
    evaluate: tuple[Source, ...] = ()
    warm_start: str = ""
    frozen: Frozen | None = None
    augmentation: Augmentation = Augmentation()
    timing: Timing = Timing()
    missing: Mapping[str, float] = {}
    logit_scale: float = 1.0
    threshold: Threshold = Threshold()
    cross_validation: Folds | None = None
    variants: tuple[Variant, ...] = ()
    distances: bool = False
    out_of_distribution: OutOfDistribution = OutOfDistribution()
    derived: Derived | None = None
    localise: tuple[Truth, ...] = ()
    healthy: Source | None = None
    healthy_labels: tuple[str, ...] = ()
    slug: str = ""
    sha256: str = ""

    @property
    def layout(self) -> Literal["images", "masks", "studies"]:
        """How the data are laid out."""
        return (
            "images" if isinstance(self.data, Source) else "masks" if isinstance(self.data, MaskedImages) else "studies"
        )

    @cached_property
    def inputs(self) -> tuple[InputSpec, ...]:
        """The input contracts."""
        return tuple(input_spec(entry) for entry in self.input_entries)

    @property
    def input(self) -> InputSpec:
        """The first of them, and of most recipes the only one."""
        return self.inputs[0]

    @property
    def units(self) -> int:
        """Output units of the network: one speaks for two labels."""
        single = self.task == "binary" or (self.task == "segmentation" and len(self.labels) == 2)
        return 1 if single else len(self.labels)

    @property
    def foreground(self) -> tuple[str, ...]:
        """The labels of a segmentation but the background."""
        return self.labels[1:]

    @property
    def threshold_rule(self) -> ThresholdRule:
        """The rule of the threshold, also where the recipe leaves it to the task."""
        return self.threshold.rule or ("pooled_dice" if self.task == "segmentation" else "youden")

    @property
    def images(self) -> Source:
        """The data of a recipe whose cases are single images with labels."""
        assert isinstance(self.data, Source)
        return self.data

    @property
    def masked(self) -> MaskedImages:
        """The data of a recipe whose cases are images with masks."""
        assert isinstance(self.data, MaskedImages)
        return self.data

    @property
    def studies(self) -> StudyData:
        """The data of a recipe whose cases have several inputs."""
        assert isinstance(self.data, StudyData)
        return self.data
