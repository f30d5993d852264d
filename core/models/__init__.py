"""What a model says of itself, its card and inputs, and whether it fits what one has."""
