"""The guarded HTTP client: it reaches public addresses only, whatever a URL looks like.

The guard stands where the connection is made: a name is resolved once, every address is checked, and the connection
goes to one that was checked. So neither the spelling of a URL nor an answer of DNS that changes gets around it.
"""
