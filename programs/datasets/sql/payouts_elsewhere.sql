-- Rewards of referrals invited before as_of that were paid in another currency than they were promised in: how many,
-- and how many of them are so near to the promise that they count as all of it (a rule of the program).
SELECT count(*) AS rewards, count(*) FILTER (is_near) AS whole
FROM held_against
WHERE sent IS NOT NULL AND NOT in_one AND invited_at < CAST($as_of AS TIMESTAMPTZ)
