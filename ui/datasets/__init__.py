"""Pieces of the page that adds datasets, inspects them, and runs models over them."""
