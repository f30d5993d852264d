"""The Keras process as seen from the web process, and what it does with a model (`model`, with TensorFlow)."""
