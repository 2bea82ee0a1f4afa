-- How many rows fill each dimension, so that a breakdown nobody recorded is said to be missing.
SELECT
    count(channel) AS channel, count(persona) AS persona, count(partner_tier) AS partner_tier,
    count(region) AS region, count(*) AS total
FROM referrals
ORDER BY total
