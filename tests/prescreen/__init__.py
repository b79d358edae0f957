"""Prescreening a folder: held to matching patient by patient."""
