"""The command line: each command says what was asked and shows what came; the work is done by the use cases."""
