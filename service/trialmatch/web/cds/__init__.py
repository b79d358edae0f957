"""CDS Hooks: discovery, the card for whoever has a patient's chart open, and what is said about it."""
