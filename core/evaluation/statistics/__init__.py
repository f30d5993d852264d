"""Statistics on plain arrays: intervals, resampling by patient, DeLong, corrections for several tests."""
