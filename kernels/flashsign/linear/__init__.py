"""The exact linear-time form, in which two small matrices per head replace its scores."""
