"""What the lesson inside a network computes, draws and says."""
