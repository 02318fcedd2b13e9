"""The methods of `POST /rpc/v1`: one table, its requests and answers, and who may ask."""
