"""How well models do, from scores of cases to tables of models with intervals.

Each room imports only those that follow it here: runs, store, comparison, results, metrics, statistics.
"""
