-- What touches cost, where they state it: one row a spelling of the tags, day and currency.
SELECT
    owner, channel, campaign, tags, CAST(occurred_at AS DATE) AS day, coalesce(currency, '') AS currency,
    count(cost) AS stated, CAST(sum(cost) AS DECIMAL(18, 4)) AS cost
FROM tagged
WHERE occurred_at >= $start::TIMESTAMPTZ AND occurred_at < $as_of::TIMESTAMPTZ AND cost IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
