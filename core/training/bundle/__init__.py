"""From a recipe to its bundle: trained, compiled, measured, published."""
