"""Bringing one's own model: the file, what is in it, what it is for, the checks."""
