-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Everybody with an entry in the point ledger before as_of, and the tier that the member list says; '' where it says none.
SELECT
  CAST(member_id AS Nullable(String)) AS member_id,
  CAST(COALESCE(any(tier), '') AS Nullable(String)) AS tier
FROM point_ledger
LEFT JOIN members
  USING (member_id)
WHERE
  posted_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  member_id
ORDER BY
  1
