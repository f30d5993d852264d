"""Broken and hostile files, made by their number or name and read as the app would read them."""
