-- Per partner: referrals of the invitations of [start, end) and those won by end; revenue, gross margin and rewards
-- of what was won in [start, end), net of refunds and claw-backs, and how many orders brought how much squared; the tier last seen. Referrals in left_out are in no figure.
SELECT
    partner_id AS partner,
    coalesce(arg_max(partner_tier, invited_at) FILTER (partner_tier IS NOT NULL), '') AS tier,
    count(*) FILTER (invited AND (submitted_at < bounds.high OR won_at < bounds.high)) AS referrals,
    count(*) FILTER (invited AND won_at < bounds.high AND NOT undone) AS won,
    CAST(coalesce(sum(revenue) FILTER (earned), 0) AS DECIMAL(18, 4)) AS revenue,
    count(*) FILTER (earned AND revenue > 0) AS orders,
    CAST(coalesce(sum(CAST(revenue AS DECIMAL(18, 4)) * CAST(revenue AS DECIMAL(18, 4))) FILTER (earned AND revenue > 0), 0) AS DOUBLE) AS revenue_squares,
    CAST(coalesce(sum(margin) FILTER (earned), 0) AS DECIMAL(18, 4)) AS gross_margin,
    CAST(coalesce(sum(reward) FILTER (earned), 0) AS DECIMAL(18, 4)) AS payout,
    max(invited_at) AS last_invited_at
FROM (
    SELECT *,
        invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ) AS invited,
        won_at >= CAST($start AS TIMESTAMPTZ) AND won_at < CAST($end AS TIMESTAMPTZ) AS earned
    FROM earned
), (SELECT CAST($end AS TIMESTAMPTZ) AS high) AS bounds
WHERE partner_id IS NOT NULL AND referral_id NOT IN (SELECT referral_id FROM left_out) AND invited_at < CAST($end AS TIMESTAMPTZ)
GROUP BY partner_id
ORDER BY partner_id
