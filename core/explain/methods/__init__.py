"""The methods of explanation behind `core.explain.EXPLAINERS`."""
