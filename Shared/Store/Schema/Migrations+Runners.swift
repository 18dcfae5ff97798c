import PostgresClient

extension Migrations {
    static let runners: SQL = """
        CREATE TABLE runners (
            id uuid PRIMARY KEY,
            public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
            account_id uuid NOT NULL REFERENCES accounts,
            owner_key text NOT NULL,
            name text NOT NULL,
            slots integer NOT NULL CHECK (slots BETWEEN 1 AND 1024),
            agent_version text NOT NULL,
            registered_at timestamptz NOT NULL DEFAULT now(),
            last_seen_at timestamptz,
            heartbeat_sequence bigint NOT NULL DEFAULT 0,
            disqualified_at timestamptz
        ) WITH (fillfactor = 70);
        CREATE INDEX runners_owner ON runners (owner_key);
        -- An owner stands on one lane of each class, for good: two replicas of a task are on two lanes, so they can
        -- never meet the same owner.
        CREATE TABLE owner_lanes (
            owner_key text NOT NULL,
            class text NOT NULL,
            lane integer NOT NULL CHECK (lane >= 0),
            PRIMARY KEY (owner_key, class)
        );
        CREATE INDEX owner_lanes_lane ON owner_lanes (class, lane);
        CREATE TABLE runner_classes (
            runner_id uuid NOT NULL REFERENCES runners,
            class text NOT NULL,
            lane integer NOT NULL,
            PRIMARY KEY (runner_id, class)
        );
        CREATE INDEX runner_classes_lane ON runner_classes (class, lane);
        """
}
