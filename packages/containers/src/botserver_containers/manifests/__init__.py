"""Manifests: what an app is made of, and reading it from documents of strangers."""
