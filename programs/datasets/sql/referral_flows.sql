-- What happened in [start, end), each event by its own time, per group. Flows of adjoining windows add up. What is won
-- is net of refunds in the window of the sale, as gross_ beside it; refunded stands in the window of the refund.
WITH bounds AS (SELECT CAST($start AS TIMESTAMPTZ) AS low, CAST($end AS TIMESTAMPTZ) AS high),
counted AS (
    SELECT
        CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
        CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
        CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
        CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
        count(*) FILTER (invited_at >= bounds.low AND invited_at < bounds.high) AS invites,
        count(*) FILTER (submitted_at >= bounds.low AND submitted_at < bounds.high) AS submissions,
        count(*) FILTER (qualified_at >= bounds.low AND qualified_at < bounds.high) AS qualified,
        count(*) FILTER (won_at >= bounds.low AND won_at < bounds.high AND NOT undone) AS conversions,
        count(*) FILTER (won_at >= bounds.low AND won_at < bounds.high) AS gross_conversions,
        count(*) FILTER (refunded_at >= bounds.low AND refunded_at < bounds.high) AS refunds,
        sum(revenue) FILTER (won_at >= bounds.low AND won_at < bounds.high) AS revenue,
        sum(margin) FILTER (won_at >= bounds.low AND won_at < bounds.high) AS margin,
        sum(gross_revenue) FILTER (won_at >= bounds.low AND won_at < bounds.high) AS gross_revenue,
        count(*) FILTER (fraud AND invited_at >= bounds.low AND invited_at < bounds.high) AS fraud_flags,
        count(fraud) FILTER (invited_at >= bounds.low AND invited_at < bounds.high) AS labelled
    FROM referrals, bounds
    GROUP BY 1, 2, 3, 4
),
given_back AS (
    SELECT
        CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
        CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
        CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
        CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
        sum(refunded) AS refunded
    FROM referral_changes JOIN referrals USING (referral_id), bounds
    WHERE moved_at >= bounds.low AND moved_at < bounds.high
    GROUP BY 1, 2, 3, 4
)
SELECT
    channel, persona, partner_tier, region, invites, submissions, qualified, conversions, gross_conversions, refunds,
    CAST(coalesce(revenue, 0) AS DECIMAL(18, 4)) AS revenue,
    CAST(coalesce(margin, 0) AS DECIMAL(18, 4)) AS margin,
    CAST(coalesce(gross_revenue, 0) AS DECIMAL(18, 4)) AS gross_revenue,
    CAST(coalesce(refunded, 0) AS DECIMAL(18, 4)) AS refunded,
    fraud_flags, labelled
FROM counted LEFT JOIN given_back USING (channel, persona, partner_tier, region)
ORDER BY channel, persona, partner_tier, region
