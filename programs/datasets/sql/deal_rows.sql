-- Opportunities as each partner keeps them, amounts in their own currencies and net of credit notes, gross_amount before
-- them. Deals credited in full are among them, as undone.
SELECT
    coalesce(nullif(owner, ''), partner, '') AS owner, opportunity_id, person_id, account_name, sourced_by,
    campaign, segment, region, stage, created_at, closed_at, won, amount, gross_amount, undone, currency
FROM opportunities
WHERE created_at < $as_of::TIMESTAMPTZ
ORDER BY owner, opportunity_id
