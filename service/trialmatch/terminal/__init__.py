"""Answers as pages on a terminal."""
