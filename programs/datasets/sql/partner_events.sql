-- Per partner: activities in [start, end), heard, those of them that others see (no login, download, training or view), the
-- last one before end, and the tier last seen.
SELECT
    partner_id AS partner,
    coalesce(arg_max(partner_tier, occurred_at) FILTER (partner_tier IS NOT NULL), '') AS tier,
    CAST(coalesce(sum(coalesce(count, 1)) FILTER (occurred_at >= CAST($start AS TIMESTAMPTZ)), 0) AS BIGINT) AS events,
    CAST(coalesce(sum(coalesce(count, 1)) FILTER (occurred_at >= CAST($start AS TIMESTAMPTZ)
        AND NOT regexp_matches(lower(activity), 'log.?in|sign.?in|log.?out|download|train|course|view|open|visit')), 0) AS BIGINT) AS heard,
    max(occurred_at) AS last_active_at
FROM partner_activity
WHERE occurred_at < CAST($end AS TIMESTAMPTZ)
GROUP BY partner_id
ORDER BY partner_id
