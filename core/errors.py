"""Errors that a page shows as they are.

Everything that can go wrong with what a user brings is a `ScanLensError`; its text is one sentence that says what is
wrong and what to do. Pages catch this class and nothing wider.
"""

from __future__ import annotations

from typing import overload


class ScanLensError(Exception):
    """Base of all errors meant for people.

    It is made of two texts, what is wrong and what to do; or of three where something else came than what would have
    worked: what was expected, what was received and what to do. What to do is an imperative without a full stop.

    Attributes:
        words: The two or three texts.
        wrong: What is wrong, as the sentence says it.

    Example:
        >>> str(ScanLensError("The zip is cut short", "copy it again"))
        'The zip is cut short: copy it again.'
        >>> str(ScanLensError("a DICOM image", "a structured report", "export the images of the study"))
        'Expected a DICOM image, received a structured report: export the images of the study.'
    """

    @overload
    def __init__(self, wrong: str, action: str, /) -> None: ...
    @overload
    def __init__(self, expected: str, received: str, action: str, /) -> None: ...
    def __init__(self, *words: str) -> None:
        self.words = words
        *said, action = words
        self.wrong = said[0] if len(said) == 1 else f"Expected {said[0]}, received {said[1]}"
        super().__init__(f"{self.wrong}: {action}.")


class UnreadableScan(ScanLensError):
    """The bytes are broken, cut short, encrypted or not what they claim to be."""


class UnsupportedScan(ScanLensError):
    """The bytes are well formed, but hold nothing that can be shown as a scan."""


class TooLarge(ScanLensError):
    """Opening this would take more memory than the app allows itself."""


class InvalidCard(ScanLensError):
    """A model's README.md lacks what the contract needs, or contradicts its files."""


class IncompatibleInput(ScanLensError):
    """The scan does not fit the contract of the chosen model."""


class UnsafeModel(ScanLensError):
    """A model file asks for more than the Keras process may do."""


class UnsupportedModel(ScanLensError):
    """The model cannot be compiled or explained, and saying so beats a wrong image."""


class WorkerFailed(ScanLensError):
    """A process beside the web process hung, crashed or passed its memory limit, and was replaced."""


class KerasProcessFailed(WorkerFailed):
    """The Keras process did."""


class GuestProcessFailed(WorkerFailed):
    """The process that runs compiled models from elsewhere did."""


class Cancelled(ScanLensError):
    """The user stopped a long task.

    Args:
        what: The task, e.g. `"the evaluation"`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"You stopped {what}", "start again when you need it")
