"""Figures of the compare page and its reports."""
