"""Names that both sides of the pipe to the Keras process use; to read them takes no TensorFlow."""

#: Name of the array (N, h, w) beside the inputs that weighs the places of a segmentation; no input can be called so.
REGION = "/region"
