"""A Keras model as a graph.

Checked, split at a layer, compiled, differentiated. Mostly for the Keras process alone.
"""
