"""Teach what kinds of image there are: `python -m core.training.recogniser --data DATA`."""
