"""What the lesson on convolution and activation computes, draws and says."""
