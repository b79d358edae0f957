"""Code sets behind concepts: value sets, local maps, names, and the properties of analytes and drugs."""
