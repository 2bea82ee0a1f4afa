-- What touches cost, where they state it: one row a spelling of the tags, day and currency.
SELECT
    owner, channel, campaign, tags, CAST(occurred_at AS DATE) AS day, coalesce(currency, '') AS currency,
    count(cost) AS stated, CAST(sum(cost) AS DECIMAL(18, 4)) AS cost
FROM tagged
WHERE occurred_at >= $start::TIMESTAMPTZ AND occurred_at < $as_of::TIMESTAMPTZ AND cost IS NOT NULL
GROUP BY ALL
ORDER BY ALL
