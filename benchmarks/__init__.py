"""What augmentlab costs beside its peers: ``python -m benchmarks``; and transform by transform: ``python -m benchmarks.catalog``.

How the explorer feels in a browser: ``python -m benchmarks.explorer``; over thousands of changes: ``python -m
benchmarks.explorer_long``.
"""
