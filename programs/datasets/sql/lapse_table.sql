-- Life table of silence. A member lapses in the tenure period (0, 1, …) of the last purchase when nothing
-- followed for `inactive_days` before as_of, and is censored there otherwise.
-- at_risk counts members who reached the period; the discrete hazard is lapsed / at_risk.
WITH spans AS (
    SELECT
        -- From the first day of a period: DuckDB alone would count weeks from Sunday, and truncate them to Monday.
        date_diff(
            $period,
            date_trunc($period, min(purchased_at) AT TIME ZONE 'UTC'),
            date_trunc($period, max(purchased_at) AT TIME ZONE 'UTC')
        ) AS tenure,
        max(purchased_at) < CAST($as_of AS TIMESTAMPTZ) - to_days($inactive_days) AS lapsed
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
    GROUP BY member_id
),
ends AS (
    SELECT tenure, count(*) FILTER (lapsed) AS lapsed, count(*) FILTER (NOT lapsed) AS censored
    FROM spans GROUP BY tenure
)
SELECT
    tenure,
    CAST(sum(lapsed + censored) OVER (ORDER BY tenure DESC) AS BIGINT) AS at_risk,
    lapsed,
    censored
FROM ends
ORDER BY tenure
