import PostgresClient

extension Migrations {
    static let presence: SQL = """
        -- A lane is closed to the other replicas of a task while one stands on it, and for good once an owner on it was
        -- granted one (task_owners). A lane that was only passed through is free again: in a small network replicas
        -- would otherwise use up all lanes between them, and one of them wait for ever.
        DROP TABLE task_lanes;
        CREATE UNIQUE INDEX replicas_one_lane ON replicas (task_id, lane) WHERE state IN ('offered', 'granted');

        -- When the network heard of any runner last, and its last silence. One row.
        CREATE TABLE hearing (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            heard_at timestamptz NOT NULL DEFAULT '-infinity',
            silent_from timestamptz NOT NULL DEFAULT '-infinity',
            silent_until timestamptz NOT NULL DEFAULT '-infinity'
        ) WITH (fillfactor = 20);
        INSERT INTO hearing DEFAULT VALUES;
        -- A runner seen after this counts as live. Commonly that is a lease ago. A silence of all runners at once is an
        -- outage of ours (the broker, this database, the scheduler) and says nothing of any of them: its time does not
        -- count, so that work stays where it is until they had the time to be heard again. Ten leases of silence are
        -- believed after all.
        CREATE FUNCTION live_since(lease interval) RETURNS timestamptz LANGUAGE sql STABLE AS $$
            SELECT greatest(now() - lease * 11, CASE
                WHEN heard_at < now() - lease / 2 THEN heard_at - lease
                WHEN silent_until > now() - lease THEN least(silent_from, now()) - lease
                ELSE now() - lease END)
            FROM hearing
        $$;
        """
}
