"""What the reading page shows of a model that outlines."""
