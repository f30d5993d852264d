"""What recipes name, read and brought onto the grid of a model."""
