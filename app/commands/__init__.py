"""The verbs of `vret`. A command reads its options, calls one use case and prints; results on stdout, talk on stderr.

Nothing here imports anything heavy at the top: `vret --help` must answer at once.
"""
