"""What the lesson on fusing several inputs computes, draws and says."""
