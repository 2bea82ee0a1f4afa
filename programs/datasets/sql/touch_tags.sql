-- How touches are tagged: one row a spelling.
SELECT
    owner, channel, campaign, tags, count(*) AS touches, count(DISTINCT person_id) AS people,
    min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM tagged
WHERE occurred_at >= $start::TIMESTAMPTZ AND occurred_at < $as_of::TIMESTAMPTZ
GROUP BY owner, channel, campaign, tags
ORDER BY owner, channel, campaign, tags
