"""Prescreens as jobs of the service."""
