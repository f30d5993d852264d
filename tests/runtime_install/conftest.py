"""These are scripts for an environment without pytest; pytest itself has nothing to collect here."""

collect_ignore_glob = ["*.py"]
