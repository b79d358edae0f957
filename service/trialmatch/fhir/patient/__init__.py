"""A patient's raw records to facts."""
