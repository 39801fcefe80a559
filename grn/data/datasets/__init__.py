"""Data sets and TF lists by name, found on this machine or fetched and verified."""
