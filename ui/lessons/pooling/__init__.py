"""The page of the lesson in `core.lessons.pooling`."""
