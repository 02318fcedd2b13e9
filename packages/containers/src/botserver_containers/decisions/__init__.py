"""What is decided, apart from doing it: pure functions over frozen values, without I/O and without a clock."""
