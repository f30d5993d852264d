"""The reading page: open a scan, choose a model, read its answer in a panel of its kind, export it."""
