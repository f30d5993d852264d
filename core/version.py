"""The version of the product, as reports state it; `pyproject.toml` says the same."""

VERSION = "0.1.0"
