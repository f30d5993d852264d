"""What was asked, answered, recognised and noticed while a dataset is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.datasets.dataset import OpenQuestion, UnusableDataset


@dataclass(eq=False)
class Inquiry:
    """Shared by the steps of one call of `open_dataset`.

    Attributes:
        options: Answers of the user, by option.
        questions: What stays open.
        decided: What was recognised with certainty or answered.
        understood: Sentences on what was recognised.
        warnings: Sentences on what was left out or set right.
    """

    options: Mapping[str, str]
    questions: list[OpenQuestion] = field(default_factory=list)
    decided: list[OpenQuestion] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def settle(
        self, option: str, sentence: str, choices: Sequence[str], guess: str, certain: bool, free: bool = False
    ) -> str:
        """The answer to a question: the user's, else the guess, which stays open unless it is certain.

        Args:
            option: Key of the answer.
            sentence: For people.
            choices: Possible answers.
            guess: The likeliest.
            certain: Whether there is no need to ask.
            free: Whether answers outside the choices are taken as well; the caller checks them.

        Raises:
            UnusableDataset: The user's answer is none of the choices.
        """
        answer = self.options.get(option)
        if answer is not None and answer not in choices and not free:
            offered = ", ".join(repr(choice) for choice in choices[:12]) or "nothing else"
            raise UnusableDataset(f"one of {offered} for {option!r}", repr(answer), "choose one of them")
        held = guess if answer is None else answer
        known = certain or answer is not None
        (self.decided if known else self.questions).append(OpenQuestion(option, sentence, tuple(choices), held))
        return held
