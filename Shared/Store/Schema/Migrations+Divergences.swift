import PostgresClient

extension Migrations {
    static let divergences: SQL = """
        -- Decided tasks whose results differ. The verifier notes them, with how many results count; the gateway, which
        -- holds the outputs, makes the report and says how many results it covers.
        CREATE TABLE divergences (
            task_id uuid PRIMARY KEY REFERENCES tasks,
            votes integer NOT NULL CHECK (votes > 1),
            noted_at timestamptz NOT NULL DEFAULT now(),
            reported_votes integer NOT NULL DEFAULT 0 CHECK (reported_votes >= 0),
            summary text,
            report text,
            CHECK ((reported_votes = 0) = (report IS NULL) AND (report IS NULL) = (summary IS NULL))
        );
        CREATE INDEX divergences_due ON divergences (noted_at) WHERE reported_votes < votes;
        -- What an account uploaded of late.
        CREATE INDEX blobs_account ON blobs (account_id, created_at);
        """
}
