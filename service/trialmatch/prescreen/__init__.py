"""A whole hospital against the studies: columns, engines, outputs."""
