"""A model answers the cases of a dataset: plan, answers, resumption, and the scores that cards ship with."""
