-- Payouts of [start, end) per group of their referral: paid out (paid, or held and then released) net of claw-backs in
-- the window of the payout, as gross_paid_out before them, held, reversed; and what was clawed back in the window.
-- A payout whose referral is not known stands in the groups without a name.
WITH bounds AS (SELECT CAST($start AS TIMESTAMPTZ) AS low, CAST($end AS TIMESTAMPTZ) AS high),
moves AS (
    SELECT
        referral_id, 1 AS payouts, amount, gross_amount, undone, coalesce(status, 'paid') AS status,
        CAST(0 AS DECIMAL(18, 4)) AS clawed_back
    FROM referral_payouts, bounds WHERE paid_at >= bounds.low AND paid_at < bounds.high
    UNION ALL
    SELECT referral_id, 0, 0, 0, false, '', refunded
    FROM payout_changes, bounds WHERE moved_at >= bounds.low AND moved_at < bounds.high
)
SELECT
    CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
    CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
    CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
    CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
    CAST(coalesce(sum(payouts) FILTER (NOT moves.undone AND status <> 'reversed'), 0) AS BIGINT) AS payouts,
    CAST(coalesce(sum(moves.amount) FILTER (status IN ('paid', 'released')), 0) AS DECIMAL(18, 4)) AS paid_out,
    CAST(coalesce(sum(gross_amount) FILTER (status IN ('paid', 'released')), 0) AS DECIMAL(18, 4)) AS gross_paid_out,
    CAST(coalesce(sum(moves.amount) FILTER (status = 'held'), 0) AS DECIMAL(18, 4)) AS held,
    CAST(coalesce(sum(moves.amount) FILTER (status = 'reversed'), 0) AS DECIMAL(18, 4)) AS reversed,
    CAST(sum(clawed_back) AS DECIMAL(18, 4)) AS clawed_back
FROM moves LEFT JOIN referrals USING (referral_id)
GROUP BY 1, 2, 3, 4
ORDER BY channel, persona, partner_tier, region
