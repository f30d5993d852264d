"""Graded disturbances of the cases of a dataset."""
