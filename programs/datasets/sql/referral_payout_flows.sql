-- Payouts of [start, end) per group of their referral: paid out (paid, or held and then released), held, reversed.
-- A payout whose referral is not known stands in the groups without a name.
SELECT
    CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
    CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
    CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
    CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
    count(*) AS payouts,
    CAST(coalesce(sum(amount) FILTER (coalesce(status, 'paid') IN ('paid', 'released')), 0) AS DECIMAL(18, 4)) AS paid_out,
    CAST(coalesce(sum(amount) FILTER (status = 'held'), 0) AS DECIMAL(18, 4)) AS held,
    CAST(coalesce(sum(amount) FILTER (status = 'reversed'), 0) AS DECIMAL(18, 4)) AS reversed
FROM referral_payouts LEFT JOIN referrals USING (referral_id)
WHERE referral_payouts.paid_at >= CAST($start AS TIMESTAMPTZ) AND referral_payouts.paid_at < CAST($end AS TIMESTAMPTZ)
GROUP BY ALL
ORDER BY channel, persona, partner_tier, region
