-- Of the points redeemed that name their month of issue: how many there are, and how many first in first out would have
-- taken from that same month if they named none; parts of one redemption come oldest first. Other outflows take the month that they name, as in ledger_triangle.
WITH moves AS (
    SELECT entry_id, member_id, posted_at, abs(points) AS points,
        CASE
            WHEN entry = 'adjust' AND points > 0 THEN 'issue'
            WHEN entry = 'adjust' THEN 'reverse'
            ELSE entry
        END AS entry,
        date_trunc('month', issued_at AT TIME ZONE 'UTC') AS named
    FROM point_ledger WHERE posted_at < CAST($as_of AS TIMESTAMPTZ) AND points <> 0
),
outflows AS (
    SELECT
        row_number() OVER (ORDER BY posted_at, member_id, entry, named NULLS LAST, points, entry_id) AS id,
        member_id, entry, points, named
    FROM moves WHERE entry <> 'issue'
),
taken AS (
    SELECT member_id, named AS vintage, sum(points) AS taken
    FROM outflows WHERE named IS NOT NULL AND entry <> 'redeem' GROUP BY 1, 2
),
of_month AS (
    SELECT moves.member_id, moves.posted_at, moves.points, moves.entry_id, coalesce(taken, 0) AS taken,
        sum(moves.points) OVER (
            PARTITION BY moves.member_id, date_trunc('month', moves.posted_at AT TIME ZONE 'UTC')
            ORDER BY moves.posted_at, moves.points, moves.entry_id ROWS UNBOUNDED PRECEDING
        ) AS upto
    FROM moves LEFT JOIN taken
        ON taken.member_id = moves.member_id
        AND taken.vintage = date_trunc('month', moves.posted_at AT TIME ZONE 'UTC')
    WHERE entry = 'issue'
),
issues AS (
    SELECT member_id, date_trunc('month', posted_at AT TIME ZONE 'UTC') AS vintage, points,
        sum(points) OVER (
            PARTITION BY member_id ORDER BY posted_at, points, entry_id ROWS UNBOUNDED PRECEDING
        ) AS upto
    FROM (
        SELECT member_id, posted_at, entry_id, least(points, greatest(upto - taken, 0)) AS points FROM of_month
    ) WHERE points > 0
),
running AS (
    SELECT *, sum(points) OVER (PARTITION BY member_id ORDER BY id ROWS UNBOUNDED PRECEDING) AS upto
    FROM outflows WHERE entry = 'redeem' OR named IS NULL
),
laid AS (
    SELECT sum(
        least(issues.upto, running.upto) - greatest(issues.upto - issues.points, running.upto - running.points)
    ) AS agree
    FROM running JOIN issues
        ON issues.member_id = running.member_id AND issues.vintage = running.named
        AND issues.upto > running.upto - running.points AND issues.upto - issues.points < running.upto
    WHERE running.entry = 'redeem'
)
SELECT
    CAST(coalesce((SELECT agree FROM laid), 0) AS DOUBLE) AS agree,
    CAST(coalesce(sum(points) FILTER (entry = 'redeem' AND named IS NOT NULL), 0) AS DOUBLE) AS named
FROM outflows
