"""Errors that a page shows as they are.

Everything that can go wrong with what a user brings is a `ScanLensError`; its text is one sentence that says
what was expected, what was received and what to do. Pages catch this class and nothing wider.
"""


class ScanLensError(Exception):
    """Base of all errors meant for people.

    Args:
        expected: What would have worked, e.g. `"a DICOM file with pixels"`.
        received: What came instead, e.g. `"a structured report"`.
        action: What to do now, as an imperative, e.g. `"export the images of the study"`.

    Example:
        >>> str(ScanLensError("a scan", "an empty file", "choose another file"))
        'Expected a scan, received an empty file: choose another file.'
    """

    def __init__(self, expected: str, received: str, action: str) -> None:
        self.expected, self.received, self.action = expected, received, action
        super().__init__(f"Expected {expected}, received {received}: {action}.")


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
    """The model cannot be compiled or explained, and saying so beats a wrong picture."""


class WorkerFailed(ScanLensError):
    """A process beside the web process hung, crashed or passed its memory limit, and was replaced."""


class KerasProcessFailed(WorkerFailed):
    """The Keras process did."""


class GuestProcessFailed(WorkerFailed):
    """The process that runs compiled models from elsewhere did."""


class Cancelled(ScanLensError):
    """The user stopped a long task."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} to finish", "a request to stop", "start it again when you need it")
