"""What has to survive: the files of the data directory."""
