import PostgresClient

extension Migrations {
    static let explanations: SQL = """
        -- Reports that are not made go out again at growing distances, as all else does.
        ALTER TABLE divergences ADD COLUMN reminded_at timestamptz, ADD COLUMN reminders integer NOT NULL DEFAULT 0;
        """
}
