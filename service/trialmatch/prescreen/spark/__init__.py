"""Prescreening on a Spark cluster."""
