import PostgresClient

extension Migrations {
    static let accounts: SQL = """
        CREATE TABLE accounts (
            id uuid PRIMARY KEY,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
            is_admin boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        -- Only the SHA-256 of a key is kept: a stolen table opens nothing.
        CREATE TABLE api_keys (
            key_digest bytea PRIMARY KEY CHECK (length(key_digest) = 32),
            account_id uuid NOT NULL REFERENCES accounts,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        );
        CREATE TABLE idempotency_keys (
            account_id uuid NOT NULL REFERENCES accounts,
            key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
            request_digest bytea NOT NULL,
            status integer NOT NULL,
            response text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (account_id, key)
        );
        CREATE TABLE blobs (
            digest bytea PRIMARY KEY CHECK (length(digest) = 32),
            size bigint NOT NULL CHECK (size >= 0),
            account_id uuid NOT NULL REFERENCES accounts,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        """

    static let ledger: SQL = """
        -- An account of the ledger is a submitter's or operator's (id = the account's), a task's escrow (id = the
        -- task's), or the issuer, from which all deposits come and whose balance is minus all that circulates.
        CREATE TABLE ledger_accounts (
            id uuid PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('issuer', 'account', 'escrow')),
            balance bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT ledger_balance_not_negative CHECK (kind = 'issuer' OR balance >= 0)
        ) WITH (fillfactor = 70);
        INSERT INTO ledger_accounts (id, kind) VALUES ('00000000-0000-0000-0000-000000000000', 'issuer');
        CREATE TABLE ledger_transfers (
            id uuid PRIMARY KEY,
            debit uuid NOT NULL REFERENCES ledger_accounts,
            credit uuid NOT NULL REFERENCES ledger_accounts,
            amount bigint NOT NULL CHECK (amount > 0),
            kind text NOT NULL CHECK (kind IN ('deposit', 'escrow', 'share', 'refund')),
            task_id uuid,
            created_at timestamptz NOT NULL DEFAULT now(),
            CHECK (debit <> credit)
        );
        CREATE INDEX ledger_transfers_task ON ledger_transfers (task_id) WHERE task_id IS NOT NULL;
        CREATE INDEX ledger_transfers_debit ON ledger_transfers (debit, created_at);
        CREATE INDEX ledger_transfers_credit ON ledger_transfers (credit, created_at);
        -- A transfer moves both balances itself, lower id first so that no two transfers can deadlock: nobody can
        -- write one side alone.
        CREATE FUNCTION ledger_apply() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.debit < NEW.credit THEN
                UPDATE ledger_accounts SET balance = balance - NEW.amount WHERE id = NEW.debit;
                UPDATE ledger_accounts SET balance = balance + NEW.amount WHERE id = NEW.credit;
            ELSE
                UPDATE ledger_accounts SET balance = balance + NEW.amount WHERE id = NEW.credit;
                UPDATE ledger_accounts SET balance = balance - NEW.amount WHERE id = NEW.debit;
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER ledger_transfers_apply AFTER INSERT ON ledger_transfers
            FOR EACH ROW EXECUTE FUNCTION ledger_apply();
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER ledger_transfers_immutable BEFORE UPDATE OR DELETE ON ledger_transfers
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        -- Balances move through transfers alone.
        CREATE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF pg_trigger_depth() < 2 THEN
                RAISE EXCEPTION 'balances move through ledger_transfers alone' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER ledger_accounts_guard BEFORE UPDATE ON ledger_accounts
            FOR EACH ROW EXECUTE FUNCTION ledger_guard();
        """
}
