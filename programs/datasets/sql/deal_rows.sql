-- Opportunities as each partner keeps them, amounts in their own currencies.
SELECT
    coalesce(nullif(owner, ''), partner, '') AS owner, opportunity_id, person_id, account_name, sourced_by,
    campaign, segment, region, stage, created_at, closed_at, won, amount, currency
FROM opportunities
WHERE created_at < $as_of::TIMESTAMPTZ
ORDER BY owner, opportunity_id
