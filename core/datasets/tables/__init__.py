"""Datasets whose labels stand in a table: columns, headings, matching of rows and files."""
