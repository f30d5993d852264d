"""How numbers are written, so that page, figure and report say the same thing in the same words."""

from __future__ import annotations

import math

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


def evidence_text(value: float) -> str:
    """A value in logit units with two significant digits.

    Example:
        >>> [evidence_text(v) for v in (0.0, 0.0312, 1.849, 12.34, 1234.0)]
        ['0', '0.031', '1.8', '12', '1200']
    """
    if math.isnan(value):
        return "not defined"
    return f"{float(f'{value:.2g}'):g}"
