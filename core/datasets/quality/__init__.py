"""What is wrong with a dataset: near-duplicates, outliers, leaks between splits."""
