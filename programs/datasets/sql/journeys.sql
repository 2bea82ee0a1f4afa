-- One row a touch of a journey, oldest first. A journey ends at a deal (deal, its number) or nowhere (deal null).
-- The touches of everybody in a deal are one journey.
-- Taxonomy says which tags are of the campaign and what they mean; people joins the partners' identifiers.
WITH touches AS (
    SELECT
        coalesce(people.person, tagged.owner || ':' || tagged.person_id) AS person, occurred_at, touch_id,
        taxonomy.source,
        CASE $dimension
            WHEN 'source' THEN taxonomy.source
            WHEN 'asset' THEN coalesce(asset, 'unnamed asset')
            WHEN 'region' THEN coalesce(tagged.region, 'unknown region')
            ELSE coalesce(segment, 'unknown segment')
        END AS label
    FROM tagged
    JOIN taxonomy USING (owner, channel, campaign, tags)
    LEFT JOIN people ON people.owner = tagged.owner AND people.person_id = tagged.person_id
    WHERE occurred_at < $as_of::TIMESTAMPTZ
),
converting AS (
    SELECT deals.deal, touches.*, epoch(deals.until_at - occurred_at) / 86400 AS age_days
    FROM deals JOIN touches USING (person)
    WHERE occurred_at <= deals.until_at AND occurred_at >= deals.since_at
),
lost AS (
    SELECT CAST(NULL AS INTEGER) AS deal, touches.*, CAST(0 AS DOUBLE) AS age_days
    FROM touches ANTI JOIN dealers USING (person)
    -- As far back from its last touch as a deal's journey from its opening, or the lost ones would be shorter.
    QUALIFY max(occurred_at) OVER (PARTITION BY person) >= $start::TIMESTAMPTZ
        AND occurred_at >= max(occurred_at) OVER (PARTITION BY person) - to_days($lookback_days)
),
journeys AS (SELECT * FROM converting UNION ALL SELECT * FROM lost)
SELECT
    deal, dense_rank() OVER (ORDER BY deal NULLS LAST, CASE WHEN deal IS NULL THEN person END) AS journey,
    label, source, age_days
FROM journeys
ORDER BY journey, occurred_at, touch_id NULLS LAST, label
