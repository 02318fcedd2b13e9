"""The revisions of the tables of this service."""
