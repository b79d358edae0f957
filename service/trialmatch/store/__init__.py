"""What is kept: studies, attestations, feedback, runs and the audit trail, in SQLite or PostgreSQL."""
