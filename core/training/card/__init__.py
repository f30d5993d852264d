"""The model card, written from the prose of the recipe and from what was measured."""
