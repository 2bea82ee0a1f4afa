-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Tier held and the one before as the member list records them, of members enrolled before end: tier, previous_tier
-- ('' where not recorded), gone ('' for a member, or when the member left: window or before), members.
SELECT
  CAST(COALESCE(tier, '') AS Nullable(String)) AS tier,
  CAST(COALESCE(previous_tier, '') AS Nullable(String)) AS previous_tier,
  CAST(CASE
    WHEN left_at < CAST({start:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
    THEN 'before'
    WHEN left_at < CAST({end:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
    THEN 'window'
    ELSE ''
  END AS Nullable(String)) AS gone,
  CAST(COUNT(*) AS Nullable(Int64)) AS members
FROM members
WHERE
  enrolled_at < CAST({end:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  1,
  2,
  3
ORDER BY
  1,
  2,
  3,
  4
