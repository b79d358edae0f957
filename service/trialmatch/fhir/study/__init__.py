"""R5 studies to criteria: read, validated, resolved, bound to concepts, compiled; every fault told with its place."""
