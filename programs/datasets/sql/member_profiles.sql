-- Who a member with a purchase before as_of is: as the member list has it; for the region, else where the last
-- purchase with a region was made. Null where nothing says. Age is in whole years at as_of.
WITH bought AS (
    SELECT member_id, arg_max(region, purchased_at) AS region
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ) GROUP BY member_id
),
listed AS (
    SELECT
        member_id,
        arg_max(region, coalesce(updated_at, enrolled_at)) AS region,
        arg_max(persona, coalesce(updated_at, enrolled_at)) AS persona,
        arg_max(birth_date, coalesce(updated_at, enrolled_at)) AS birth_date
    FROM members GROUP BY member_id
)
SELECT
    bought.member_id,
    coalesce(listed.region, bought.region) AS region,
    listed.persona,
    date_sub('year', listed.birth_date, CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE)) AS age
FROM bought LEFT JOIN listed USING (member_id)
ORDER BY bought.member_id
