"""``ledg``, the command line of ledg-rt."""
