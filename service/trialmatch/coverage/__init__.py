"""How far the mappings reach: the codes and units of a source that nothing knows, and who has which concept."""
