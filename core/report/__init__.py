"""What a user exports: PDF, PNG, JSON, CSV, DICOM Segmentation, NIfTI, HTML."""
