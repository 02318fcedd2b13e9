"""The engines: `local`, in which the rows themselves are the queue, and `dbos`, which carries messages by DBOS."""
