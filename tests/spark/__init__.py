"""Prescreening on Spark: held to the local engine, byte by byte."""
