"""Plotly figures made of results that were computed elsewhere."""
