import PostgresClient

extension Migrations {
    static let pauses: SQL = """
        -- Runs that did not vote although their task could be verified: what failed was the machine.
        CREATE TABLE failures (
            task_id uuid NOT NULL,
            replica integer NOT NULL,
            attempt integer NOT NULL,
            runner_id uuid NOT NULL REFERENCES runners,
            decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (task_id, replica, attempt),
            FOREIGN KEY (task_id, replica) REFERENCES replicas
        );
        CREATE INDEX failures_runner ON failures (runner_id, decided_at DESC);

        -- Runners that rest from failing.
        CREATE TABLE runner_pauses (
            runner_id uuid PRIMARY KEY REFERENCES runners,
            until timestamptz NOT NULL
        );
        CREATE FUNCTION is_paused(runner uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT EXISTS (SELECT FROM runner_pauses p WHERE p.runner_id = runner AND p.until > now())
        $$;
        """
}
