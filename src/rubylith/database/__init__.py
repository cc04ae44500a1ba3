"""What Rubylith must not forget, in SQLite or Postgres: plain functions on a connection, one file per group of tables.

`connection` opens the database by URL and declares METADATA, on which each file declares its tables. No ORM: rows leave
this room as domain words. Times are seconds since 1970. Every change is one conditional statement, so two processes on
one database cannot both make it. `keys` keeps API keys and what was used, `objects` what the object store holds,
`jobs` the records of jobs, `logs` what they said, `deliveries` their webhooks, `nodes` who is alive,
`webhook_secrets` what is needed to sign with a secret of the caller's.
"""
