"""The course of training as a recipe writes it: how images vary, in which phases the weights are learned."""

from __future__ import annotations

from typing import Literal

from core.training.recipe.sources import Part

Monitor = Literal["auc", "log_loss", "kappa_quadratic", "dice"]


class Augmentation(Part, frozen=True):
    """How images vary in training; everything is drawn uniformly within ± the value.

    Attributes:
        rotation: Degrees.
        shift: Fraction of the side.
        zoom: Fraction of the size.
        aspect: Fraction by which height and width change against each other.
        brightness: Fraction of the grey range that is added.
        contrast: Fraction by which the distance from the mean grey changes.
        gamma: Exponent between `exp(-gamma)` and `exp(gamma)`.
        blur: Chance that detail is lost by going through a grid of 0.4 to 0.9 of the size.
        noise: Largest standard deviation of added Gaussian noise, as a fraction of the grey range.
        random_erasing: Chance that up to four patches along the border are filled with their own median, which hides
            markers (after Zhong et al. 2020, arXiv:1708.04896, who erase anywhere).
        marker: Chance that a letter is drawn near the border, so that letters say nothing about the class.
        flip: Whether left and right are exchanged in half of the cases.
        quarter_turns: Whether square images with masks are also turned by quarters.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    aspect: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    random_erasing: float = 0.0
    marker: float = 0.0
    flip: bool = False
    quarter_turns: bool = False


class Phase(Part, frozen=True):
    """Part of a schedule with its own optimizer: a warm-up, then a half cosine down to 0.

    Attributes:
        epochs: How many.
        learning_rate: At its highest.
        trainable: `all`, `head` (only `logits`), or `from:<layer>` (that layer and everything after it).
    """

    epochs: int
    learning_rate: float
    trainable: str = "all"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.learning_rate <= 0:
            raise ValueError("a phase without epochs or learning rate")


class Schedule(Part, frozen=True):
    """The course of training.

    Attributes:
        phases: One after another, each from the checkpoint of the one before.
        batch: Cases a step.
        steps_per_epoch: Steps between two looks at the validation split, for patches drawn at random; 0 for as many as
            the cases give.
        warm_up: Fraction of a phase over which the learning rate rises; None for one epoch, at most half the phase.
        patience: Epochs of a phase without a better result on the validation split after which the phase ends.
        monitor: What is better there: `auc`, or `log_loss` where the AUC is too near 1 to tell epochs apart, or
            `kappa_quadratic` where errors by several grades are what matters. Segmentation has `dice` in any case.
        checkpoint: Keep the `best` epoch by the monitor, or the `last`, where the split is too small to choose by.
        ema: Fraction of the old weights in an exponential moving average, taken after each epoch, which is what is
            judged and kept; 0 for the weights themselves.
        optimizer: `adamw`, with the norm of all gradients held at 5; or `adam` or `sgd`, as Keras has them.
        decay: `cosine` from the warm-up down to 0, or `constant`.
        weight_decay: Decoupled, of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101).
        class_weights: Whether rare classes weigh more, so that each class weighs the same in sum; a number between 0
            and 1 goes only so far, as an exponent of the weights.
        ordinal_sigma: For an ordinal task, width in grades of a Gaussian that spreads each target over the grades
            beside it, so that an error by one grade costs less than one by several; 0 for targets of one grade.
        label_smoothing: Fraction of each target that is spread evenly over the classes; of findings, replaced by how
            common each is (Szegedy et al. 2016, arXiv:1512.00567).
        patch_size: Side of square patches in pixels of the model's grid, for segmentation; 0 for whole images.
        foreground_fraction: Fraction of the patches, or of the images, that are drawn to show a label, each label as
            often as any other; the rest is drawn anywhere.
        pixel_weights: Of the pixels of each label in the cross-entropy, the background first; empty for 1 each.
    """

    phases: tuple[Phase, ...]
    batch: int = 32
    steps_per_epoch: int = 0
    warm_up: float | None = None
    patience: int = 10
    monitor: Monitor = "auc"
    checkpoint: Literal["best", "last"] = "best"
    ema: float = 0.0
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    decay: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    class_weights: bool | float = True
    ordinal_sigma: float = 0.0
    label_smoothing: float = 0.0
    patch_size: int = 0
    foreground_fraction: float = 0.5
    pixel_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.phases or self.batch < 1 or self.patience < 1:
            raise ValueError("a schedule without phases, batch or patience")
        if not 0 <= self.ema < 1 or not 0 <= self.label_smoothing < 1 or not 0 <= self.foreground_fraction <= 1:
            raise ValueError("ema, label_smoothing and foreground_fraction that are no fractions")

    @property
    def epochs(self) -> int:
        """Epochs of all phases together, if none ends early."""
        return sum(phase.epochs for phase in self.phases)
