"""Whole answers for whole patients, kept as files: what every criterion says, why, and what remains to be asked."""
