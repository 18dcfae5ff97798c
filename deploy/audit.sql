-- The books and the promises, looked at from outside: each row is one violation, and there must be none, at any moment.
-- Read-only; run it against a live network whenever you like:
--
--   psql "$PARITY_POSTGRES_URL" -f deploy/audit.sql
--
-- The numbers are those of the promises in README.md.
WITH violations (invariant, subject) AS (
    SELECT '3: all accounts sum to zero', sum(balance)::text FROM ledger_accounts HAVING sum(balance) <> 0
    UNION ALL
    SELECT '3: a balance is what its transfers say', a.id::text
    FROM ledger_accounts a
    LEFT JOIN (
        SELECT account, sum(amount) AS amount
        FROM (
            SELECT credit AS account, amount FROM ledger_transfers
            UNION ALL
            SELECT debit, -amount FROM ledger_transfers
        ) AS sides GROUP BY account
    ) AS t ON t.account = a.id
    WHERE a.balance <> coalesce(t.amount, 0)
    UNION ALL
    SELECT '1: a task has its escrow', t.id::text
    FROM tasks t LEFT JOIN ledger_transfers l ON l.task_id = t.id AND l.kind = 'escrow'
    WHERE l.amount IS DISTINCT FROM t.reward
    UNION ALL
    SELECT '2: a decided task has one verdict, or was cancelled', t.id::text
    FROM tasks t LEFT JOIN verdicts v ON v.task_id = t.id
    WHERE CASE WHEN t.decided_at IS NULL THEN v.task_id IS NOT NULL
        WHEN t.state = 'cancelled' THEN v.task_id IS NOT NULL
        ELSE v.kind IS DISTINCT FROM t.state END
    UNION ALL
    SELECT '3: shares and refund are the escrow', s.task_id::text
    FROM settlements s JOIN tasks t ON t.id = s.task_id
    WHERE s.escrow <> t.reward OR s.paid + s.refunded <> t.reward
        OR s.paid <> coalesce((SELECT sum(p.amount) FROM payouts p WHERE p.task_id = t.id), 0)
    UNION ALL
    SELECT '3: a settled task leaves nothing in escrow', t.id::text
    FROM tasks t JOIN ledger_accounts a ON a.id = t.id
    WHERE t.settled_at IS NOT NULL AND a.balance <> 0
    UNION ALL
    SELECT '4: only verified matches are paid', p.task_id || ' replica ' || p.replica
    FROM payouts p
    LEFT JOIN verdicts v ON v.task_id = p.task_id
    LEFT JOIN replicas r ON r.task_id = p.task_id AND r.replica = p.replica
    WHERE v.kind IS DISTINCT FROM 'verified' OR r.output_digest IS DISTINCT FROM v.output_digest
        OR r.exit_code IS DISTINCT FROM v.exit_code OR r.runner_id IS DISTINCT FROM p.runner_id
    UNION ALL
    SELECT '5: no owner holds two replicas of a task', task_id || ' owner ' || owner_key
    FROM attempts GROUP BY task_id, owner_key HAVING count(DISTINCT replica) > 1
    UNION ALL
    -- Votes that come after a verdict cannot undo it, so only the verdict's own camp must be large enough.
    SELECT '8: a verdict is what the votes say, in whatever order they came', v.task_id::text
    FROM verdicts v JOIN tasks t ON t.id = v.task_id
    WHERE (v.kind = 'verified') <> EXISTS (
        SELECT FROM replicas r
        WHERE r.task_id = v.task_id AND r.state = 'completed' AND r.output_digest IS NOT NULL
            AND (v.kind <> 'verified' OR (r.outcome = v.outcome AND r.output_digest = v.output_digest
                AND r.exit_code IS NOT DISTINCT FROM v.exit_code))
        GROUP BY r.outcome, r.output_digest, r.exit_code HAVING count(DISTINCT r.owner_key) >= t.quorum)
    UNION ALL
    SELECT '8: a settled match was paid', r.task_id || ' replica ' || r.replica
    FROM replicas r
    JOIN verdicts v ON v.task_id = r.task_id AND v.output_digest = r.output_digest AND v.outcome = r.outcome
    JOIN tasks t ON t.id = r.task_id
    LEFT JOIN payouts p ON p.task_id = r.task_id AND p.replica = r.replica
    WHERE r.state = 'completed' AND r.matched AND t.settled_at IS NOT NULL AND p.task_id IS NULL
)
SELECT invariant, subject FROM violations ORDER BY 1, 2;
