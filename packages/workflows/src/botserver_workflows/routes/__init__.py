"""HTTP and JSON, one module a subject. What they do belongs in modules that know neither."""
