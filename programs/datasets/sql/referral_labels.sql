-- Labels of the referrals invited before as_of: every one that is fraud, and of the others those that were judged.
SELECT referral_id, referrer_id, fraud
FROM referrals
WHERE fraud IS NOT NULL AND invited_at < CAST($as_of AS TIMESTAMPTZ)
    AND (fraud OR referral_id IN (SELECT referral_id FROM judged))
ORDER BY referral_id
