"""What can be chosen for a network that is trained in class. Plain values, the same on both sides of the pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Key of a network to its name for people and what it is made of.
NETWORKS: dict[str, tuple[str, str]] = {
    "chapter": ("Small CNN of the chapter", "one convolution of 32 filters 3 × 3, pooling 2 × 2, 64 hidden units"),
    "deeper": ("Deeper CNN", "three convolutions of 32, 32 and 64 filters, each with pooling, then a mean over places"),
    "normalised": ("Deeper CNN with batch norm", "the same three convolutions, each with batch normalisation"),
    "logistic": ("Logistic regression", "one weight for each pixel and class, no hidden layer"),
}

#: Key of a start to its name for people.
STARTS: dict[str, str] = {
    "random": "Random weights",
    "tuned": "Trained filters, trained on",
    "frozen": "Trained filters, frozen",
}

#: The shipped network whose 32 filters are the trained ones: the same convolution, learnt on chest radiographs.
DONOR = "pneumonia-small-cnn"

#: Key of a variation to its name for people and how far it goes, in the words of `core.training.augment`.
VARIATIONS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "shift": ("Shift", {"shift": 0.08}),
    "turn": ("Turn", {"rotation": 12.0}),
    "zoom": ("Zoom", {"zoom": 0.12}),
    "mirror": ("Mirror", {"flip": True}),
    "grey": ("Brightness and contrast", {"brightness": 0.08, "contrast": 0.2}),
    "noise": ("Noise", {"noise": 0.06}),
}

OPTIMIZERS = ("adam", "sgd")


@dataclass(frozen=True)
class LiveSettings:
    """How a network is trained.

    Attributes:
        network: Key in `NETWORKS`.
        start: Key in `STARTS`; only random for `logistic`.
        variations: Keys in `VARIATIONS`.
        optimizer: One of `OPTIMIZERS`.
        learning_rate: Above 0.
        epochs: At least 1.
        batch_size: Images a step.
        dropout: Fraction of units before the logits that are dropped in training, below 1.
        weigh_classes: Whether rare classes count more, so that all classes weigh the same together.
        seed: Of weights, order and variations.
    """

    network: str = "chapter"
    start: str = "random"
    variations: tuple[str, ...] = ()
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    epochs: int = 10
    batch_size: int = 32
    dropout: float = 0.0
    weigh_classes: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no widget can give: an address may say anything."""
        known = self.network in NETWORKS and self.start in STARTS and self.optimizer in OPTIMIZERS
        sane = self.learning_rate > 0 and self.epochs >= 1 and self.batch_size >= 1 and 0 <= self.dropout < 1
        if not known or not sane or not set(self.variations) <= set(VARIATIONS):
            raise ValueError(f"settings that cannot be: {self}")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LiveSettings:
        """From what `dataclasses.asdict` gave, after its way through JSON."""
        return cls(**{**values, "variations": tuple(values.get("variations", ()))})

    @property
    def uses_donor(self) -> bool:
        """Whether the filters of the shipped network are the start."""
        return self.start != "random" and self.network != "logistic"
