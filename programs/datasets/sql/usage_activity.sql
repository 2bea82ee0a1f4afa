-- Per period and event: members who did it and how often. A row without a count counts once.
SELECT
    CAST(date_trunc($period, occurred_at AT TIME ZONE 'UTC') AS DATE) AS period,
    event,
    count(DISTINCT member_id) AS members,
    CAST(sum(coalesce("count", 1)) AS BIGINT) AS events
FROM usage_events
WHERE occurred_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY 1, 2
ORDER BY period, event
