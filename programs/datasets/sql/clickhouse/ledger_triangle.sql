-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Points redeemed and lapsed by vintage (period of issue) and age in periods.
-- An outflow that names its vintage takes from it, the member's oldest points of that period first. Those that name
-- none take what is left, first in first out per member: the stretch of the running total of such outflows is laid
-- over that of the issues they may take. What no issue covers stands under a null vintage: nothing is dropped.
-- An adjustment upwards is an issue of its own; one downwards takes points back, as the reversal of an issue does.
WITH moves AS (
  SELECT
    entry_id,
    member_id,
    posted_at,
    issued_at,
    ABS(points) AS points,
    CASE
      WHEN entry = 'adjust' AND points > 0
      THEN 'issue'
      WHEN entry = 'adjust'
      THEN 'reverse'
      ELSE entry
    END AS entry
  FROM point_ledger
  WHERE
    posted_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
    AND points <> 0
), outflows AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY posted_at, member_id, entry, points, entry_id) AS id,
    member_id,
    entry,
    points,
    posted_at,
    issued_at
  FROM moves
  WHERE
    entry <> 'issue'
), named AS (
  SELECT
    member_id,
    dateTrunc({period:String}, issued_at) AS vintage,
    SUM(points) AS taken
  FROM outflows
  WHERE
    NOT (
      issued_at IS NULL
    )
  GROUP BY
    1,
    2
), of_period AS (
  SELECT
    moves.member_id,
    moves.posted_at,
    moves.points,
    moves.entry_id,
    COALESCE(taken, 0) AS taken,
    SUM(moves.points) OVER (
      PARTITION BY moves.member_id, dateTrunc({period:String}, moves.posted_at)
      ORDER BY moves.posted_at, moves.points, moves.entry_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS upto
  FROM moves
  LEFT JOIN named
    ON named.member_id = moves.member_id
    AND named.vintage = dateTrunc({period:String}, moves.posted_at)
  WHERE
    entry = 'issue'
), issues AS (
  SELECT
    member_id,
    posted_at,
    points,
    SUM(points) OVER (
      PARTITION BY member_id
      ORDER BY posted_at, points, entry_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS upto
  FROM (
    SELECT
      member_id,
      posted_at,
      entry_id,
      LEAST(points, GREATEST(upto - taken, 0)) AS points
    FROM of_period
  )
  WHERE
    points > 0
), running AS (
  SELECT
    *,
    SUM(points) OVER (
      PARTITION BY member_id
      ORDER BY id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS upto
  FROM outflows
  WHERE
    issued_at IS NULL
), laid AS (
  SELECT
    running.id,
    running.entry,
    running.posted_at,
    issues.posted_at AS issued_at,
    LEAST(issues.upto, running.upto) - GREATEST(issues.upto - issues.points, running.upto - running.points) AS points
  FROM running
  JOIN issues
    ON issues.member_id = running.member_id
    AND issues.upto > running.upto - running.points
    AND issues.upto - issues.points < running.upto
), uncovered AS (
  SELECT
    entry,
    posted_at,
    CAST(NULL AS Nullable(DateTime64(6, 'UTC'))) AS issued_at,
    points - COALESCE(covered, 0) AS points
  FROM running
  LEFT JOIN (
    SELECT
      id,
      SUM(points) AS covered
    FROM laid
    GROUP BY
      id
  )
    USING (id)
  WHERE
    points > COALESCE(covered, 0)
), placed AS (
  SELECT
    entry,
    posted_at,
    issued_at,
    points
  FROM outflows
  WHERE
    NOT (
      issued_at IS NULL
    )
  UNION ALL
  SELECT
    entry,
    posted_at,
    issued_at,
    points
  FROM laid
  UNION ALL
  SELECT
    entry,
    posted_at,
    issued_at,
    points
  FROM uncovered
), cells AS (
  SELECT
    dateTrunc({period:String}, issued_at) AS vintage,
    dateTrunc({period:String}, posted_at) AS period,
    entry,
    points
  FROM placed
)
SELECT
  CAST(vintage AS Nullable(Date32)) AS vintage,
  CAST(CASE
    WHEN NOT (
      vintage IS NULL
    )
    THEN dateDiff({period:String}, vintage, period)
  END AS Nullable(Int64)) AS age,
  CAST(COALESCE(SUM(points) FILTER(WHERE
    entry = 'redeem'), 0) AS Nullable(Decimal(18, 4))) AS redeemed,
  CAST(COALESCE(SUM(points) FILTER(WHERE
    entry = 'expire'), 0) AS Nullable(Decimal(18, 4))) AS expired,
  CAST(COALESCE(SUM(points) FILTER(WHERE
    entry = 'reverse'), 0) AS Nullable(Decimal(18, 4))) AS reversed
FROM cells
GROUP BY
  1,
  2
ORDER BY
  1,
  2
