"""What runs on the other side of the pipe to the Keras process: its tasks, and training live."""
