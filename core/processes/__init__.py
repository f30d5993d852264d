"""Child processes under limits of time and memory: start, messages, progress, end. No pickle crosses the pipe."""
