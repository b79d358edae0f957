"""Drafts out of registry records."""
