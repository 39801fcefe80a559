"""The exact linear-time form: two small matrices per head stand for all of its scores."""
