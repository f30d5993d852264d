"""Metrics on arrays of truths and scores, for binary, multiclass and multilabel tasks and for masks."""
