"""How numbers are written, so that page, figure and report say the same thing in the same words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.scan import Scan

#: Names in `EXPLAINERS` as people write them.
_METHODS = {"grad-cam": "Grad-CAM"}


def method_text(method: str) -> str:
    """An explanation method as people write it: `"Grad-CAM"` for `"grad-cam"`, else its own name."""
    return _METHODS.get(method, method)


def probability_text(probability: float) -> str:
    """A probability with two decimals that never rounds to certainty.

    Example:
        >>> [probability_text(p) for p in (0.0, 0.004, 0.8749, 0.9951, 1.0)]
        ['<0.01', '<0.01', '0.87', '>0.99', '>0.99']
        >>> probability_text(float("nan"))
        'not defined'
    """
    if math.isnan(probability):
        return "not defined"
    if probability < 0.005:
        return "<0.01"
    return ">0.99" if probability > 0.995 else f"{probability:.2f}"


def beside_threshold(probability: float, threshold: float) -> tuple[str, str]:
    """A probability and its threshold, with as many decimals as it takes to see on which side it fell.

    Example:
        >>> beside_threshold(0.87, 0.62)
        ('0.87', '0.62')
        >>> beside_threshold(0.6191, 0.62)
        ('0.619', '0.620')
        >>> beside_threshold(0.999, 0.998)
        ('0.999', '0.998')
        >>> beside_threshold(0.62, 0.62)
        ('0.62', '0.62')
    """
    plain = probability_text(probability), probability_text(threshold)
    if plain[0] != plain[1]:
        return plain
    for decimals in (3, 4, 5):
        words = f"{probability:.{decimals}f}", f"{threshold:.{decimals}f}"
        if words[0] != words[1]:
            return words
    return plain


def in_sentence(label: str) -> str:
    """A label inside a sentence: `"Hard exudates"` becomes `"hard exudates"`, `"FAZ"` stays."""
    return label[:1].lower() + label[1:] if len(label) > 1 and label[1:] == label[1:].lower() else label


def joined(words: Sequence[str], word: str = "and") -> str:
    """`"a, b and c"`."""
    return f" {word} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def evidence_text(value: float) -> str:
    """A value in logit units with two significant digits.

    Example:
        >>> [evidence_text(v) for v in (0.0, 0.0312, 1.849, 12.34, 1234.0)]
        ['0', '0.031', '1.8', '12', '1200']
    """
    if math.isnan(value):
        return "not defined"
    return f"{float(f'{value:.2g}'):g}"


def p_text(p: float) -> str:
    """A p-value with as many decimals as it takes to see on which side of 0.05 it is.

    Example:
        >>> [p_text(p) for p in (0.0004, 0.0042, 0.0496, 0.054, 0.41, 0.997)]
        ['p < 0.001', 'p = 0.004', 'p = 0.0496', 'p = 0.054', 'p = 0.41', 'p > 0.99']
        >>> p_text(float("nan"))
        'p not defined'
    """
    if math.isnan(p):
        return "p not defined"
    if p < 0.001:
        return "p < 0.001"
    if p > 0.99:
        return "p > 0.99"
    if round(p, 3) == 0.05 and p != 0.05:
        return f"p = {p:.4f}"
    return f"p = {p:.2f}" if p >= 0.095 else f"p = {p:.3f}"


def difference_text(value: float, low: float, high: float) -> tuple[str, str]:
    """A difference and its interval, with as many decimals as it takes for no end to look like 0 that is not.

    Example:
        >>> difference_text(0.031, 0.012, 0.0496)
        ('0.03', '0.01 to 0.05')
        >>> difference_text(0.0094, -0.021, 0.0352)
        ('0.01', '−0.02 to 0.04')
        >>> difference_text(0.004, 0.0012, 0.0068)
        ('0.004', '0.001 to 0.007')
        >>> difference_text(0.25, float("nan"), float("nan"))
        ('0.25', 'interval not defined')
    """
    defined = [number for number in (value, low, high) if not math.isnan(number)]
    decimals = next((d for d in (2, 3) if all(number == 0 or round(number, d) for number in defined)), 4)
    words = [f"{number + 0.0:.{decimals}f}".replace("-", "−") for number in (value, low, high)]
    interval = "interval not defined" if math.isnan(low) or math.isnan(high) else f"{words[1]} to {words[2]}"
    return ("not defined" if math.isnan(value) else words[0]), interval


def frame_word(scan: Scan) -> str:
    """What one image of the stack is called: `"slice"` or `"frame"`."""
    return "slice" if scan.axis == "slice" else "frame"


def frame_position(scan: Scan, frame: int) -> float:
    """Where frame `frame` (from 0) stands on the axis: its time in ms where known, else its number from 1."""
    return frame * scan.frame_time_ms if has_times(scan) and scan.frame_time_ms else float(frame + 1)


def has_times(scan: Scan) -> bool:
    """Whether the frames follow each other in time, by known steps."""
    return scan.axis == "time" and bool(scan.frame_time_ms)


def size_text(size: int) -> str:
    """Bytes as people say them, in thousands.

    Example:
        >>> size_text(769), size_text(56_032), size_text(2_632_843), size_text(27_000_000)
        ('0.8 kB', '56 kB', '2.6 MB', '27 MB')
    """
    value, unit = (size / 1e6, "MB") if size >= 999_500 else (size / 1e3, "kB")
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
