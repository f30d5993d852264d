"""A bundle answers: opened, its inputs prepared, recognised or refused as out of distribution, predicted."""
