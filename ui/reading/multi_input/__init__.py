"""The reading page for models with several inputs, sequences, volumes and facts about the patient."""
