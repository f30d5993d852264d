"""What the lessons compute, on plain arrays: nothing here knows a screen."""
