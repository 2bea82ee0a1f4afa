-- Members enrolled before `end` with their dimensions, and what happened to the membership in the two windows.
SELECT
    member_id, coalesce(tier, '') AS tier, coalesce(previous_tier, '') AS previous_tier,
    coalesce(region, '') AS region, coalesce(channel, '') AS channel,
    strftime(enrolled_at AT TIME ZONE $time_zone, '%Y-%m') AS cohort,
    enrolled_at >= bounds.low AS enrolled,
    enrolled_at >= bounds.previous AND enrolled_at < bounds.low AS enrolled_before,
    coalesce(left_at >= bounds.low AND left_at < bounds.high, false) AS departed,
    coalesce(left_at < bounds.low, false) AS gone_before
FROM members, (
    SELECT CAST($previous AS TIMESTAMPTZ) AS previous, CAST($start AS TIMESTAMPTZ) AS low,
        CAST($end AS TIMESTAMPTZ) AS high
) AS bounds
WHERE enrolled_at < bounds.high
ORDER BY member_id
