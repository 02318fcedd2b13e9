"""Workflows to try the platform with: arithmetic in five shapes, an order, an approval, and steps that fail."""
