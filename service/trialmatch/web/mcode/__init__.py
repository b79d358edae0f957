"""The contract of the mCODE clinical-trial-matching-service."""
