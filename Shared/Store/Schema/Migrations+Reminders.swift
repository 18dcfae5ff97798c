import PostgresClient

extension Migrations {
    static let reminders: SQL = """
        -- Reminders of what may have been lost go out at growing distances, from 5 seconds to 42 minutes: a service that
        -- was away for a night must not find one for every five seconds of it.
        ALTER TABLE tasks ADD COLUMN reminded_at timestamptz, ADD COLUMN reminders integer NOT NULL DEFAULT 0;
        CREATE FUNCTION reminder_due(reminded_at timestamptz, reminders integer) RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT reminded_at IS NULL
                OR reminded_at < now() - interval '5 seconds' * power(2, least(reminders - 1, 9))
        $$;

        -- Every account can be paid.
        INSERT INTO ledger_accounts (id, kind) SELECT id, 'account' FROM accounts ON CONFLICT DO NOTHING;

        -- A runner that states another exit code than the verdict's has voted for something else.
        CREATE OR REPLACE FUNCTION payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM verdicts v JOIN replicas r ON r.task_id = v.task_id
                WHERE v.task_id = NEW.task_id AND v.kind = 'verified' AND r.replica = NEW.replica
                    AND r.state = 'completed' AND r.outcome = v.outcome AND r.output_digest = v.output_digest
                    AND r.exit_code IS NOT DISTINCT FROM v.exit_code AND r.runner_id = NEW.runner_id
            ) THEN
                RAISE EXCEPTION 'replica % of task % has no verified match', NEW.replica, NEW.task_id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;

        CREATE INDEX runners_account ON runners (account_id);
        """
}
