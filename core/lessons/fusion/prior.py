"""What a model says and what is known of the patient, put together by Bayes' rule: the oldest late fusion.

A model that was trained where a fraction `p` of the cases was ill has this fraction in its bias. Odds of another place
or another patient are had by exchanging it: `odds = odds of the model · (prior odds / training odds)` (Saerens et al.
2002, doi:10.1162/089976602753284446). It holds where the ill look alike and the healthy look alike in both places.
"""

from __future__ import annotations

import math


def log_odds(probability: float) -> float:
    """log(p / (1 − p)) of a probability, which is held within a millionth of 0 and 1.

    Example:
        >>> log_odds(0.5)
        0.0
    """
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def with_prior(probability: float, trained: float, prior: float) -> float:
    """The probability in a place with another fraction of ill people.

    Args:
        probability: Of the model, calibrated.
        trained: Fraction of ill cases that the model was trained on, or calibrated on.
        prior: Fraction of ill people among those like this patient, before the scan.

    Example:
        >>> round(with_prior(0.5, 0.5, 0.1), 3)
        0.1
    """
    return 1 / (1 + math.exp(-(log_odds(probability) - log_odds(trained) + log_odds(prior))))
