"""What is derived from one evaluation: estimates with intervals, curves, operating points, subgroups, errors."""
