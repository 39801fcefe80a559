"""Edge lists: files, tables and matrices."""
