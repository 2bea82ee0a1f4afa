-- Per partner: referrals of the invitations of [start, end) and those won by end; revenue, gross margin and rewards
-- of what was won in [start, end), net of refunds and claw-backs, and how many orders brought how much squared; the
-- revenue of what was won in [before, start); and the tier and the invitation last seen before end. Referrals in
-- left_out are in no figure.
WITH dated AS (
    SELECT *,
        invited_at >= CAST($start AS TIMESTAMPTZ) AS invited,
        coalesce(won_at >= CAST($start AS TIMESTAMPTZ) AND won_at < CAST($end AS TIMESTAMPTZ), false) AS earned,
        coalesce(won_at >= CAST($before AS TIMESTAMPTZ) AND won_at < CAST($start AS TIMESTAMPTZ), false) AS earlier
    FROM earned
    WHERE partner_id IS NOT NULL AND invited_at < CAST($end AS TIMESTAMPTZ)
        AND (invited_at >= CAST($start AS TIMESTAMPTZ)
            OR won_at >= CAST($before AS TIMESTAMPTZ) AND won_at < CAST($end AS TIMESTAMPTZ))
        AND referral_id NOT IN (SELECT referral_id FROM left_out)
),
counted AS (
    SELECT
        partner_id,
        count(*) FILTER (invited AND (submitted_at < CAST($end AS TIMESTAMPTZ) OR won_at < CAST($end AS TIMESTAMPTZ))) AS referrals,
        count(*) FILTER (invited AND won_at < CAST($end AS TIMESTAMPTZ) AND NOT undone) AS won,
        sum(revenue) FILTER (earned) AS revenue,
        sum(revenue) FILTER (earlier AND NOT invited) AS revenue_before,
        count(*) FILTER (earned AND revenue > 0) AS orders,
        sum(CAST(revenue AS DECIMAL(18, 4)) * CAST(revenue AS DECIMAL(18, 4))) FILTER (earned AND revenue > 0) AS revenue_squares,
        sum(margin) FILTER (earned) AS gross_margin,
        sum(reward) FILTER (earned) AS payout
    FROM dated GROUP BY partner_id
),
-- Whoever did nothing lately has a tier and a last sign of life, which need no amounts.
seen AS (
    SELECT partner_id, arg_max(partner_tier, invited_at) FILTER (partner_tier IS NOT NULL) AS tier,
        max(invited_at) AS last_invited_at
    FROM referrals
    WHERE partner_id IS NOT NULL AND invited_at < CAST($end AS TIMESTAMPTZ)
        AND referral_id NOT IN (SELECT referral_id FROM left_out)
    GROUP BY partner_id
)
SELECT
    partner_id AS partner, coalesce(tier, '') AS tier,
    coalesce(referrals, 0) AS referrals, coalesce(won, 0) AS won,
    CAST(coalesce(revenue, 0) AS DECIMAL(18, 4)) AS revenue,
    CAST(coalesce(revenue_before, 0) AS DECIMAL(18, 4)) AS revenue_before,
    coalesce(orders, 0) AS orders,
    CAST(coalesce(revenue_squares, 0) AS DOUBLE) AS revenue_squares,
    CAST(coalesce(gross_margin, 0) AS DECIMAL(18, 4)) AS gross_margin,
    CAST(coalesce(payout, 0) AS DECIMAL(18, 4)) AS payout,
    last_invited_at
FROM seen LEFT JOIN counted USING (partner_id)
ORDER BY partner_id
