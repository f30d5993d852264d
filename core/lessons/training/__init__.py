"""What the lesson from data to diagnosis computes, draws and says."""
