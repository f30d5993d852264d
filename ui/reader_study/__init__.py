"""The pages on which people read cases against a model."""
