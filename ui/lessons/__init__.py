"""What the lessons share: their list, their head, their questions, and the scan and model that they work on."""
