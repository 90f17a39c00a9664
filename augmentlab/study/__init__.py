"""Experiments on augmentation."""
