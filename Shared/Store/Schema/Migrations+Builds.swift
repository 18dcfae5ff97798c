import PostgresClient

extension Migrations {
    static let builds: SQL = """
        ALTER TABLE accounts ADD COLUMN may_build boolean NOT NULL DEFAULT false;
        UPDATE accounts SET may_build = true WHERE is_admin;
        ALTER TABLE runners ADD COLUMN is_builder boolean NOT NULL DEFAULT false;
        ALTER TABLE tasks ADD COLUMN image_digest bytea CHECK (length(image_digest) = 32);
        ALTER TABLE tasks DROP CONSTRAINT tasks_state_check, DROP CONSTRAINT tasks_check2,
            ADD CONSTRAINT tasks_state_check CHECK (
                state IN ('building', 'queued', 'running', 'verified', 'no_consensus', 'failed', 'cancelled')),
            ADD CONSTRAINT tasks_open_check CHECK (
                (state IN ('building', 'queued', 'running')) = (decided_at IS NULL));
        CREATE INDEX tasks_building ON tasks (id) WHERE state = 'building';

        CREATE TABLE builds (
            id uuid PRIMARY KEY,
            recipe text NOT NULL,
            recipe_digest bytea NOT NULL CHECK (length(recipe_digest) = 32),
            platform text NOT NULL,
            state text NOT NULL CHECK (state IN ('offered', 'granted', 'built', 'failed', 'cancelled')),
            attempt integer NOT NULL DEFAULT 1,
            grants integer NOT NULL DEFAULT 0,
            claim_by timestamptz NOT NULL,
            builder_id uuid REFERENCES runners,
            token text,
            lease_expires_at timestamptz,
            -- What it builds on, and recipe and that in one: known from the claim on.
            bases text,
            cache_key bytea CHECK (length(cache_key) = 32),
            image_digest bytea CHECK (length(image_digest) = 32),
            image_id bytea CHECK (length(image_id) = 32),
            image_bytes bigint CHECK (image_bytes > 0),
            log_digest bytea CHECK (length(log_digest) = 32),
            -- Of all pieces in build_log.
            log_bytes bigint NOT NULL DEFAULT 0,
            reused_build_id uuid REFERENCES builds,
            envelope text,
            detail text,
            created_at timestamptz NOT NULL DEFAULT now(),
            closed_at timestamptz,
            CHECK ((state = 'granted') <= (builder_id IS NOT NULL AND token IS NOT NULL AND lease_expires_at IS NOT NULL)),
            CHECK ((state = 'built') = (image_digest IS NOT NULL)),
            CHECK ((state IN ('offered', 'granted')) = (closed_at IS NULL))
        ) WITH (fillfactor = 70);
        -- What is asked for while it is being built is not built again.
        CREATE UNIQUE INDEX builds_open ON builds (recipe_digest) WHERE closed_at IS NULL;
        CREATE INDEX builds_made ON builds (cache_key) WHERE state = 'built';
        -- What was built stays what it is, whoever writes.
        CREATE FUNCTION builds_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.closed_at IS NOT NULL THEN
                RAISE EXCEPTION 'build % is % already', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER builds_final BEFORE UPDATE OR DELETE ON builds FOR EACH ROW EXECUTE FUNCTION builds_guard();

        -- Grants: the attempts whose results count.
        CREATE TABLE build_attempts (
            build_id uuid NOT NULL REFERENCES builds,
            attempt integer NOT NULL,
            builder_id uuid NOT NULL REFERENCES runners,
            token text NOT NULL,
            granted_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            end_reason text,
            PRIMARY KEY (build_id, attempt)
        );
        CREATE TABLE build_log (
            build_id uuid NOT NULL REFERENCES builds,
            attempt integer NOT NULL,
            piece integer NOT NULL,
            text text NOT NULL,
            -- Where it ends in the whole.
            log_bytes bigint NOT NULL,
            PRIMARY KEY (build_id, attempt, piece)
        );
        CREATE INDEX build_log_order ON build_log (build_id, log_bytes);
        -- Which build makes a task's image, and how much of it stands in the task's events.
        CREATE TABLE task_builds (
            task_id uuid PRIMARY KEY REFERENCES tasks,
            build_id uuid NOT NULL REFERENCES builds,
            attempt integer NOT NULL DEFAULT 0,
            log_bytes bigint NOT NULL DEFAULT 0,
            is_told boolean NOT NULL DEFAULT false
        ) WITH (fillfactor = 70);
        CREATE INDEX task_builds_build ON task_builds (build_id);
        """
}
