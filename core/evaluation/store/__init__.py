"""Where evaluations are kept: SQL, import and export."""
