-- The referrals that the rows of chosen name by their hash, as known at as_of, without the label.
SELECT
    chosen.* EXCLUDE (referral),
    referral_id, referrer_id, partner_id, referrer_email, referrer_name, referrer_address,
    referee_email, referee_name, referee_address, referee_customer_id,
    source, channel, landing_url, referer_url, reward, revenue, invited_at,
    CASE WHEN clicked_at < CAST($as_of AS TIMESTAMPTZ) THEN clicked_at END AS clicked_at,
    CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END AS submitted_at,
    CASE WHEN won_at < CAST($as_of AS TIMESTAMPTZ) THEN won_at END AS won_at,
    CASE WHEN paid_at < CAST($as_of AS TIMESTAMPTZ) THEN paid_at END AS paid_at,
    CASE WHEN undone_at < CAST($as_of AS TIMESTAMPTZ) THEN undone_at END AS refunded_at
FROM referrals JOIN chosen ON hash(referral_id) = chosen.referral
WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
ORDER BY referral_id
