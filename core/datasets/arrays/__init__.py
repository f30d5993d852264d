"""Datasets in arrays: NumPy files, MedMNIST."""
