"""The models page in pieces: the table, the card beside it, one's own models."""
