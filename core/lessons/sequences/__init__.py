"""What the lesson on recurrent networks computes, draws and says."""
