"""Labels of a dataset as truths of a model: signs, words, missing ones, the map."""
