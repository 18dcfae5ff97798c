import PostgresClient

extension Migrations {
    static let tasks: SQL = """
        CREATE TABLE tasks (
            id uuid PRIMARY KEY,
            account_id uuid NOT NULL REFERENCES accounts,
            spec text NOT NULL,
            spec_digest bytea NOT NULL CHECK (length(spec_digest) = 32),
            class text NOT NULL,
            reward bigint NOT NULL CHECK (reward > 0),
            replicas integer NOT NULL CHECK (replicas > 0),
            quorum integer NOT NULL CHECK (quorum > replicas / 2 AND quorum <= replicas),
            max_replicas integer NOT NULL CHECK (max_replicas >= replicas),
            expected_exit_code integer NOT NULL,
            state text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'verified', 'no_consensus', 'failed', 'cancelled')),
            created_at timestamptz NOT NULL DEFAULT now(),
            deadline_at timestamptz NOT NULL,
            decided_at timestamptz,
            settled_at timestamptz,
            event_seq bigint NOT NULL DEFAULT 0,
            traceparent text,
            CHECK ((state IN ('queued', 'running')) = (decided_at IS NULL))
        ) WITH (fillfactor = 80);
        CREATE INDEX tasks_account ON tasks (account_id, id DESC);
        CREATE INDEX tasks_open_deadline ON tasks (deadline_at) WHERE decided_at IS NULL;
        CREATE INDEX tasks_unsettled ON tasks (decided_at) WHERE decided_at IS NOT NULL AND settled_at IS NULL;
        CREATE INDEX tasks_spec ON tasks (spec_digest);
        -- A final state is final, whoever writes.
        CREATE FUNCTION tasks_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.decided_at IS NOT NULL
                AND (NEW.state <> OLD.state OR NEW.decided_at IS DISTINCT FROM OLD.decided_at) THEN
                RAISE EXCEPTION 'task % is % already', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
            END IF;
            IF OLD.settled_at IS NOT NULL AND NEW.settled_at IS DISTINCT FROM OLD.settled_at THEN
                RAISE EXCEPTION 'task % is settled already', OLD.id USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER tasks_final BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION tasks_guard();

        CREATE TABLE replicas (
            task_id uuid NOT NULL REFERENCES tasks,
            replica integer NOT NULL CHECK (replica >= 0),
            state text NOT NULL
                CHECK (state IN ('waiting', 'offered', 'granted', 'completed', 'lost', 'cancelled')),
            lane integer,
            attempt integer NOT NULL DEFAULT 0,
            grants integer NOT NULL DEFAULT 0,
            offered_at timestamptz,
            claim_by timestamptz,
            runner_id uuid REFERENCES runners,
            owner_key text,
            lease_expires_at timestamptz,
            outcome text,
            output_digest bytea,
            exit_code integer,
            detail text,
            matched boolean,
            closed_at timestamptz,
            PRIMARY KEY (task_id, replica),
            CHECK ((state = 'granted') <= (runner_id IS NOT NULL AND lease_expires_at IS NOT NULL)),
            CHECK ((state IN ('waiting', 'offered', 'granted')) = (closed_at IS NULL))
        ) WITH (fillfactor = 70);
        CREATE INDEX replicas_waiting ON replicas (task_id) WHERE state = 'waiting';
        CREATE INDEX replicas_leases ON replicas (lease_expires_at) WHERE state = 'granted';
        CREATE INDEX replicas_lane_load ON replicas (lane) WHERE state IN ('offered', 'granted');
        CREATE INDEX replicas_offers ON replicas (claim_by) WHERE state = 'offered';

        -- A lane serves one replica of a task at most, ever.
        CREATE TABLE task_lanes (
            task_id uuid NOT NULL REFERENCES tasks,
            lane integer NOT NULL,
            replica integer NOT NULL,
            PRIMARY KEY (task_id, lane)
        );
        -- An owner holds one replica of a task at most, ever, whatever the lanes say.
        CREATE TABLE task_owners (
            task_id uuid NOT NULL REFERENCES tasks,
            owner_key text NOT NULL,
            replica integer NOT NULL,
            PRIMARY KEY (task_id, owner_key)
        );
        CREATE TABLE attempts (
            task_id uuid NOT NULL,
            replica integer NOT NULL,
            attempt integer NOT NULL,
            runner_id uuid NOT NULL REFERENCES runners,
            owner_key text NOT NULL,
            token text NOT NULL,
            granted_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            end_reason text,
            PRIMARY KEY (task_id, replica, attempt),
            FOREIGN KEY (task_id, replica) REFERENCES replicas
        );
        CREATE TABLE results (
            task_id uuid NOT NULL,
            replica integer NOT NULL,
            attempt integer NOT NULL,
            runner_id uuid NOT NULL REFERENCES runners,
            outcome text NOT NULL,
            output_digest bytea,
            exit_code integer,
            envelope text NOT NULL,
            detail text NOT NULL,
            closed_replica boolean NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (task_id, replica, attempt),
            FOREIGN KEY (task_id, replica, attempt) REFERENCES attempts
        );
        CREATE TABLE verdicts (
            task_id uuid PRIMARY KEY REFERENCES tasks,
            kind text NOT NULL CHECK (kind IN ('verified', 'no_consensus', 'failed')),
            outcome text,
            output_digest bytea,
            exit_code integer,
            reason text,
            decided_at timestamptz NOT NULL DEFAULT now(),
            CHECK ((kind = 'verified') = (output_digest IS NOT NULL))
        );
        CREATE TRIGGER verdicts_immutable BEFORE UPDATE OR DELETE ON verdicts
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        -- What each runner's votes came to, once their task was verified; strikes are the mismatches.
        CREATE TABLE strikes (
            task_id uuid NOT NULL,
            replica integer NOT NULL,
            runner_id uuid NOT NULL REFERENCES runners,
            mismatched boolean NOT NULL,
            decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (task_id, replica),
            FOREIGN KEY (task_id, replica) REFERENCES replicas
        );
        CREATE INDEX strikes_runner ON strikes (runner_id, decided_at DESC);
        CREATE TABLE payouts (
            task_id uuid NOT NULL,
            replica integer NOT NULL,
            runner_id uuid NOT NULL REFERENCES runners,
            account_id uuid NOT NULL REFERENCES accounts,
            amount bigint NOT NULL CHECK (amount > 0),
            transfer_id uuid NOT NULL UNIQUE REFERENCES ledger_transfers,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (task_id, replica),
            FOREIGN KEY (task_id, replica) REFERENCES replicas
        );
        CREATE INDEX payouts_runner ON payouts (runner_id);
        CREATE TRIGGER payouts_immutable BEFORE UPDATE OR DELETE ON payouts
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        -- No payment without a verified match: the database looks itself.
        CREATE FUNCTION payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM verdicts v JOIN replicas r ON r.task_id = v.task_id
                WHERE v.task_id = NEW.task_id AND v.kind = 'verified' AND r.replica = NEW.replica
                    AND r.state = 'completed' AND r.outcome = v.outcome AND r.output_digest = v.output_digest
                    AND r.runner_id = NEW.runner_id
            ) THEN
                RAISE EXCEPTION 'replica % of task % has no verified match', NEW.replica, NEW.task_id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER payouts_matched BEFORE INSERT ON payouts FOR EACH ROW EXECUTE FUNCTION payouts_guard();
        CREATE TABLE settlements (
            task_id uuid PRIMARY KEY REFERENCES tasks,
            escrow bigint NOT NULL CHECK (escrow > 0),
            paid bigint NOT NULL CHECK (paid >= 0),
            refunded bigint NOT NULL CHECK (refunded >= 0),
            settled_at timestamptz NOT NULL DEFAULT now(),
            CHECK (paid + refunded = escrow)
        );
        CREATE TRIGGER settlements_immutable BEFORE UPDATE OR DELETE ON settlements
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        -- Numbered under the task's row lock, so that a reader who saw event n has seen all before it.
        CREATE TABLE task_events (
            task_id uuid NOT NULL REFERENCES tasks,
            seq bigint NOT NULL,
            type text NOT NULL,
            data text NOT NULL,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (task_id, seq)
        );
        """

    static let messages: SQL = """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            message_id uuid NOT NULL,
            exchange text NOT NULL,
            routing_key text NOT NULL,
            type text NOT NULL,
            body text NOT NULL,
            traceparent text,
            -- False for news that nobody has to hear.
            mandatory boolean NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            claim_token uuid,
            available_at timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
        CREATE INDEX outbox_available ON outbox (available_at, id);
        CREATE TABLE inbox (
            consumer text NOT NULL,
            message_id uuid NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (consumer, message_id)
        ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
        CREATE INDEX inbox_received ON inbox (received_at);
        """
}
