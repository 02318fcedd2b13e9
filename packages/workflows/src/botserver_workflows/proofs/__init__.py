"""What is promised, tried until it breaks: `python -m botserver_workflows.proofs --help`.

The tests of this package run each proof for a short while, and with a planted bug that it must find.
"""
