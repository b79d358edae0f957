"""The command line as a user meets it: answers, pages, exit codes, and errors of one line."""
