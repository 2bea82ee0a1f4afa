-- What happened in [start, end), each event by its own time, per group. Flows of adjoining windows add up.
SELECT
    CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
    CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
    CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
    CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
    count(*) FILTER (invited_at >= bounds.low AND invited_at < bounds.high) AS invites,
    count(*) FILTER (submitted_at >= bounds.low AND submitted_at < bounds.high) AS submissions,
    count(*) FILTER (qualified_at >= bounds.low AND qualified_at < bounds.high) AS qualified,
    count(*) FILTER (won_at >= bounds.low AND won_at < bounds.high) AS conversions,
    count(*) FILTER (refunded_at >= bounds.low AND refunded_at < bounds.high) AS refunds,
    CAST(coalesce(sum(revenue) FILTER (won_at >= bounds.low AND won_at < bounds.high), 0) AS DECIMAL(18, 4)) AS revenue,
    CAST(coalesce(sum(margin) FILTER (won_at >= bounds.low AND won_at < bounds.high), 0) AS DECIMAL(18, 4)) AS margin,
    CAST(coalesce(sum(revenue) FILTER (refunded_at >= bounds.low AND refunded_at < bounds.high), 0) AS DECIMAL(18, 4))
        AS refunded,
    count(*) FILTER (fraud AND invited_at >= bounds.low AND invited_at < bounds.high) AS fraud_flags,
    count(fraud) FILTER (invited_at >= bounds.low AND invited_at < bounds.high) AS labelled
FROM referrals, (SELECT CAST($start AS TIMESTAMPTZ) AS low, CAST($end AS TIMESTAMPTZ) AS high) AS bounds
GROUP BY ALL
ORDER BY channel, persona, partner_tier, region
