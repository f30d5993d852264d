"""Outlines: what a segmentation model draws on a scan, how large it is, how sure, and how well it fits another."""
