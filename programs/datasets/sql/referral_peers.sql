-- A row for each referrer and partner with enough orders won before as_of: level, name, partner, where there is one, referrers,
-- orders; timed and quick, orders of a known time after the click and those as quick as the fastest quarter; paid_clicks,
-- orders out of different advertisements; paid and returned, rewards paid and orders returned after that; least, baskets
-- among the smallest twentieth, or up to the program's minimum; new_devices, orders from a device nobody else used; staged
-- and claimed, orders of which it is known when they were qualified or a deal, and those that were it a day or more before
-- the invitation and the first click. One row of the level others has all referrers with fewer orders.
CREATE TEMP TABLE paid_out AS
SELECT referral_id, min(paid_at) AS paid_at FROM referral_payouts
WHERE paid_at < CAST($as_of AS TIMESTAMPTZ) AND coalesce(status, 'paid') IN ('paid', 'released') AND NOT undone
GROUP BY referral_id;
CREATE TEMP TABLE orders AS
SELECT
    r.referrer_id, r.partner_id, r.gross_revenue AS revenue, hash(r.device_id) AS device,
    CASE WHEN r.clicked_at <= r.won_at THEN epoch(r.won_at) - epoch(r.clicked_at) END AS seconds,
    least(CASE WHEN r.paid_at < CAST($as_of AS TIMESTAMPTZ) THEN r.paid_at END, p.paid_at) AS paid_at,
    CASE WHEN r.undone_at < CAST($as_of AS TIMESTAMPTZ) THEN r.undone_at END AS undone_at,
    least(r.qualified_at, r.pipeline_at) + to_days(1) < least(r.invited_at, r.clicked_at) AS claimed,
    CASE
        WHEN contains(r.landing_url, '=') AND regexp_matches(r.landing_url, $paid_link, 'i') THEN coalesce(nullif(regexp_extract(r.landing_url, $click_id, 2, 'i'), ''), r.referral_id)
        WHEN contains(r.referer_url, '=') AND regexp_matches(r.referer_url, $paid_link, 'i') THEN coalesce(nullif(regexp_extract(r.referer_url, $click_id, 2, 'i'), ''), r.referral_id)
    END AS click
FROM referrals r LEFT JOIN paid_out p USING (referral_id)
WHERE r.won_at < CAST($as_of AS TIMESTAMPTZ);
CREATE TEMP TABLE devices AS
SELECT device FROM orders WHERE device IS NOT NULL GROUP BY device HAVING count(*) = 1;
CREATE TEMP TABLE limits AS
SELECT quantile_disc(seconds, 0.25) AS quick,
    coalesce(CAST($minimum_order AS DECIMAL(18, 4)) * 1.1, quantile_disc(revenue, 0.05) FILTER (revenue > 0)) AS least
FROM orders;
WITH shown AS (
    SELECT referrer_id, partner_id, seconds IS NOT NULL AS timed, seconds <= limits.quick AS quick, click,
        paid_at IS NOT NULL AS paid, undone_at >= paid_at AS returned, revenue <= limits.least AS least,
        devices.device IS NOT NULL AS is_new, claimed
    FROM orders LEFT JOIN devices USING (device), limits
),
subjects AS (
    SELECT 'referrer' AS level, referrer_id AS name, * FROM shown
    UNION ALL
    SELECT 'partner', partner_id, * FROM shown WHERE partner_id IS NOT NULL
),
counted AS (
    SELECT level, name, CASE WHEN min(partner_id) = max(partner_id) THEN min(partner_id) END AS partner,
    count(DISTINCT referrer_id) AS referrers, count(*) AS orders,
    count(*) FILTER (timed) AS timed, count(*) FILTER (quick) AS quick, count(DISTINCT click) AS paid_clicks,
    count(*) FILTER (paid) AS paid, count(*) FILTER (returned) AS returned, count(*) FILTER (least) AS least,
    count(*) FILTER (is_new) AS new_devices, count(claimed) AS staged, count(*) FILTER (claimed) AS claimed
    FROM subjects
    GROUP BY level, name
)
SELECT * FROM counted WHERE orders >= CASE WHEN level = 'referrer' THEN $least_referrer ELSE $least_partner END
UNION ALL
SELECT 'others', '', NULL, *
FROM (SELECT CAST(COLUMNS(* EXCLUDE (level, name, partner)) AS BIGINT) FROM (
    SELECT 'others' AS level, '' AS name, NULL AS partner, sum(referrers) AS referrers, sum(orders) AS orders, sum(timed) AS timed, sum(quick) AS quick,
        sum(paid_clicks) AS paid_clicks, sum(paid) AS paid, sum(returned) AS returned, sum(least) AS least, sum(new_devices) AS new_devices,
        sum(staged) AS staged, sum(claimed) AS claimed
    FROM counted WHERE level = 'referrer' AND orders < $least_referrer))
ORDER BY level, name
