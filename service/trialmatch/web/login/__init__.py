"""Who looks at pages: launches from an EHR, sign-ins, sessions."""
