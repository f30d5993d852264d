"""What the lesson on pooling computes, draws and says."""
