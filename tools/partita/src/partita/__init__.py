"""Splits a Python monorepo into small installable packages and keeps them apart."""
