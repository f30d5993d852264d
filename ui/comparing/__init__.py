"""The compare page in pieces; what they show is a list of evaluations, wherever these come from."""
