-- Points redeemed and lapsed by vintage (period of issue) and age in periods.
-- An outflow that names its vintage takes from it, the member's oldest points of that period first. Those that name
-- none take what is left, first in first out per member: the stretch of the running total of such outflows is laid
-- over that of the issues they may take. What no issue covers stands under a null vintage: nothing is dropped.
-- An adjustment upwards is an issue of its own; one downwards takes points back, as the reversal of an issue does.
WITH moves AS (
    SELECT entry_id, member_id, posted_at, issued_at, abs(points) AS points,
        CASE
            WHEN entry = 'adjust' AND points > 0 THEN 'issue'
            WHEN entry = 'adjust' THEN 'reverse'
            ELSE entry
        END AS entry
    FROM point_ledger WHERE posted_at < CAST($as_of AS TIMESTAMPTZ) AND points <> 0
),
outflows AS (
    SELECT
        row_number() OVER (ORDER BY posted_at, member_id, entry, points, entry_id) AS id,
        member_id, entry, points, posted_at, issued_at
    FROM moves WHERE entry <> 'issue'
),
named AS (
    SELECT member_id, date_trunc($period, issued_at AT TIME ZONE 'UTC') AS vintage, sum(points) AS taken
    FROM outflows WHERE issued_at IS NOT NULL GROUP BY 1, 2
),
of_period AS (
    SELECT moves.member_id, moves.posted_at, moves.points, moves.entry_id, coalesce(taken, 0) AS taken,
        sum(moves.points) OVER (
            PARTITION BY moves.member_id, date_trunc($period, moves.posted_at AT TIME ZONE 'UTC')
            ORDER BY moves.posted_at, moves.points, moves.entry_id ROWS UNBOUNDED PRECEDING
        ) AS upto
    FROM moves LEFT JOIN named
        ON named.member_id = moves.member_id
        AND named.vintage = date_trunc($period, moves.posted_at AT TIME ZONE 'UTC')
    WHERE entry = 'issue'
),
issues AS (
    SELECT member_id, posted_at, points,
        sum(points) OVER (
            PARTITION BY member_id ORDER BY posted_at, points, entry_id ROWS UNBOUNDED PRECEDING
        ) AS upto
    FROM (
        SELECT member_id, posted_at, entry_id, least(points, greatest(upto - taken, 0)) AS points FROM of_period
    ) WHERE points > 0
),
running AS (
    SELECT *, sum(points) OVER (PARTITION BY member_id ORDER BY id ROWS UNBOUNDED PRECEDING) AS upto
    FROM outflows WHERE issued_at IS NULL
),
laid AS (
    SELECT
        running.id, running.entry, running.posted_at, issues.posted_at AS issued_at,
        least(issues.upto, running.upto)
            - greatest(issues.upto - issues.points, running.upto - running.points) AS points
    FROM running JOIN issues
        ON issues.member_id = running.member_id
        AND issues.upto > running.upto - running.points AND issues.upto - issues.points < running.upto
),
uncovered AS (
    SELECT entry, posted_at, NULL::TIMESTAMPTZ AS issued_at, points - coalesce(covered, 0) AS points
    FROM running LEFT JOIN (SELECT id, sum(points) AS covered FROM laid GROUP BY id) USING (id)
    WHERE points > coalesce(covered, 0)
),
placed AS (
    SELECT entry, posted_at, issued_at, points FROM outflows WHERE issued_at IS NOT NULL
    UNION ALL SELECT entry, posted_at, issued_at, points FROM laid
    UNION ALL SELECT entry, posted_at, issued_at, points FROM uncovered
),
cells AS (
    SELECT
        date_trunc($period, issued_at AT TIME ZONE 'UTC') AS vintage,
        date_trunc($period, posted_at AT TIME ZONE 'UTC') AS period,
        entry, points
    FROM placed
)
SELECT
    CAST(vintage AS DATE) AS vintage,
    CASE WHEN vintage IS NOT NULL THEN date_diff($period, vintage, period) END AS age,
    CAST(coalesce(sum(points) FILTER (entry = 'redeem'), 0) AS DECIMAL(18, 4)) AS redeemed,
    CAST(coalesce(sum(points) FILTER (entry = 'expire'), 0) AS DECIMAL(18, 4)) AS expired,
    CAST(coalesce(sum(points) FILTER (entry = 'reverse'), 0) AS DECIMAL(18, 4)) AS reversed
FROM cells
GROUP BY 1, 2
ORDER BY vintage NULLS LAST, age
