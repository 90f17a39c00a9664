"""What augmentlab costs beside its peers: ``python -m benchmarks``; and transform by transform: ``python -m benchmarks.catalog``."""
