-- Events by their own time in steps of `step_days` days from start to end; steps without an event have no row.
-- Conversions and revenue are net of refunds in the step of the sale.
WITH events AS (
    SELECT 'invites' AS event, invited_at AS happened_at, NULL AS revenue FROM referrals
    UNION ALL SELECT 'submissions', submitted_at, NULL FROM referrals
    UNION ALL SELECT 'conversions', won_at, revenue FROM referrals WHERE NOT undone
    UNION ALL SELECT 'refunds', refunded_at, NULL FROM referrals
)
SELECT
    CAST(floor((epoch_us(happened_at) - epoch_us(CAST($start AS TIMESTAMPTZ))) / (86400000000 * $step_days)) AS BIGINT) AS step,
    count(*) FILTER (event = 'invites') AS invites,
    count(*) FILTER (event = 'submissions') AS submissions,
    count(*) FILTER (event = 'conversions') AS conversions,
    count(*) FILTER (event = 'refunds') AS refunds,
    CAST(coalesce(sum(revenue), 0) AS DECIMAL(18, 4)) AS revenue
FROM events
WHERE happened_at >= CAST($start AS TIMESTAMPTZ) AND happened_at < CAST($end AS TIMESTAMPTZ)
GROUP BY step
ORDER BY step
