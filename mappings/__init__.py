"""Value sets, concept maps, units, molar masses and dose equivalents. Read through ``trialmatch.resources`` only."""
