"""Recipes: everything that makes a model, as data."""
