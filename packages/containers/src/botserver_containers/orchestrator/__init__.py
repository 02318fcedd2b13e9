"""Does what the decisions say: jobs, the monitor, health checks, recovery and reconciliation of one node."""
