"""Several models on the same cases: paired differences, ranks, the matrix of models and datasets."""
