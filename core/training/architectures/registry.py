"""Networks with several inputs by name.

A builder is called with the input contracts, the number of units and the recipe's parameters. It gives back a Keras
model whose inputs are named as in the contracts and whose last layer is named `logits`, without activation; the trainer
and the card know from the task what turns logits into probabilities. Tables come as raw values: the network
standardises them itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

Builder = Callable[..., Any]


def _in_module(module: str, function: str) -> Builder:
    """A builder that is imported when it is called: Keras takes seconds."""

    def build(*arguments: Any, **parameters: Any) -> Any:
        found = importlib.import_module(f"core.training.architectures.{module}")
        return getattr(found, function)(*arguments, **parameters)

    return build


#: Name in a recipe to `builder(inputs: tuple[InputSpec, ...], units: int, **parameters) -> keras.Model`.
ARCHITECTURES: dict[str, Builder] = {
    "cine_recurrent": _in_module("cine", "cine_recurrent"),
    "cine_frame": _in_module("cine", "cine_frame"),
}

#: Name in a recipe to `warm_start(model, recipe, train, seed, report, keep)`, which teaches a fresh network something
#: useful, in place, before it is trained; `keep` is a folder for what other recipes can share.
WARM_STARTS: dict[str, Builder] = {
    "heart_outline": _in_module("cine_warm_start", "warm_start"),
}

#: Modules with an `ARCHITECTURES` of their own, or with builders that go by their function's name.
MODULES = ("fusion", "images_and_table")


def architecture(name: str) -> Builder:
    """The builder that a recipe names.

    Raises:
        ValueError: There is none.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    for module in MODULES:
        if find_spec(f"core.training.architectures.{module}") is not None:
            loaded = importlib.import_module(f"core.training.architectures.{module}")
            found = getattr(loaded, "ARCHITECTURES", {}).get(name) or getattr(loaded, name, None)
            if callable(found):
                return found
    raise ValueError(f"Expected the name of a network. Received {name!r}. Add it to architectures/registry.py.")
