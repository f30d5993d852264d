"""Evaluation data: layouts are recognised, labels mapped, quality looked at."""
