"""What trialmatch does, whoever asks."""
