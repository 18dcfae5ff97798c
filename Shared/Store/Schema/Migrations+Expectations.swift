import PostgresClient

extension Migrations {
    static let expectations: SQL = """
        -- What verified outputs fail of what their tasks expect: a JSON array, empty if all is met. The verifier notes
        -- it where the rows tell; else it is NULL until the gateway, which holds the outputs, has looked.
        CREATE TABLE expectations (
            task_id uuid PRIMARY KEY REFERENCES verdicts,
            noted_at timestamptz NOT NULL DEFAULT now(),
            reminded_at timestamptz,
            reminders integer NOT NULL DEFAULT 0,
            failures text
        );
        CREATE INDEX expectations_due ON expectations (noted_at) WHERE failures IS NULL;
        CREATE FUNCTION expectations_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.failures IS NOT NULL THEN
                RAISE EXCEPTION 'what task % fails of its expectations is known already', OLD.task_id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER expectations_final BEFORE UPDATE OR DELETE ON expectations
            FOR EACH ROW EXECUTE FUNCTION expectations_guard();
        -- Until now only the exit code was expected, in a column that the spec makes needless.
        INSERT INTO expectations (task_id, failures)
        SELECT v.task_id, CASE
            WHEN v.outcome = 'completed' AND v.exit_code = t.expected_exit_code THEN '[]'
            WHEN v.outcome = 'completed' THEN format(
                '[{"code":"exit_code","message":"expected %s, found %s","pointer":"/expect/exit_code"}]',
                t.expected_exit_code, v.exit_code)
            ELSE '[{"code":"limit_exceeded","message":"the runners agree that the task goes over its limits",'
                || '"pointer":"/expect"}]' END
        FROM verdicts v JOIN tasks t ON t.id = v.task_id WHERE v.kind = 'verified';
        ALTER TABLE tasks DROP COLUMN expected_exit_code;
        """
}
