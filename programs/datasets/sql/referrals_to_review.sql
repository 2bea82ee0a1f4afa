-- Referrals known at as_of that a heuristic of the fraud review can fire on, as they stood then. Labels stay behind.
-- Every condition here is at least as wide as the heuristic it stands for, which decides in Python; sets that only
-- screen are compared by hash, for a collision costs one row more. What a heuristic must know of rows left out stands
-- beside each row: counts of its referrer, and a mark (chr(31)) on traces that join more people than any cap.
-- The file is read twice: once into numbers, which everything is grouped by, and once for the rows chosen.
CREATE TEMP TABLE known AS
WITH aliases AS (SELECT unnest($alias_domains) AS domain, unnest($real_domains) AS real_domain),
read AS (
    SELECT *,
        coalesce(CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END, invited_at) AS referred_at,
        coalesce(won_at < CAST($as_of AS TIMESTAMPTZ), false) AS was_won,
        coalesce(won_at < CAST($as_of AS TIMESTAMPTZ) AND refunded_at < CAST($as_of AS TIMESTAMPTZ), false) AS was_refunded,
        lower(referee_email) AS address,
        rtrim(split_part(lower(referee_email), '@', 2), '.') AS named_domain
    FROM referrals
    WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
),
-- Mailboxes of the referred by the rules of their providers.
spelled AS (
    SELECT read.*, coalesce(real_domain, named_domain) AS domain,
        split_part(split_part(address, '@', 1), CASE WHEN list_contains($hyphen_tags, coalesce(real_domain, named_domain)) THEN '-' ELSE '+' END, 1) AS untagged
    FROM read LEFT JOIN aliases ON named_domain = aliases.domain
),
boxed AS (    SELECT *, CASE WHEN list_contains($dots_ignored, domain) THEN replace(untagged, '.', '') ELSE untagged END AS mailbox FROM spelled)
SELECT
    hash(referral_id) AS row_key,
    hash('id', referrer_id) AS referrer,
    CASE WHEN referee_customer_id IS NOT NULL THEN hash('id', referee_customer_id)
        WHEN referee_email IS NOT NULL THEN hash('mail', address) ELSE hash('row', referral_id) END AS referee,
    CAST(epoch_ms(referred_at) // (1000 * ($velocity_seconds + 1)) AS INTEGER) AS stretch,
    was_won, was_refunded,
    CASE WHEN cookie_id IS NOT NULL THEN hash('cookie', cookie_id) END AS cookie,
    CASE WHEN referrer_cookie_id IS NOT NULL THEN hash('cookie', referrer_cookie_id) END AS referrer_cookie,
    CASE WHEN device_id IS NOT NULL THEN hash('device', device_id) END AS device,
    CASE WHEN referrer_device_id IS NOT NULL THEN hash('device', referrer_device_id) END AS referrer_device,
    CASE WHEN payment_hash IS NOT NULL THEN hash('payment', payment_hash) END AS payment,
    CASE WHEN referrer_payment_hash IS NOT NULL THEN hash('payment', referrer_payment_hash) END AS referrer_payment,
    CASE WHEN ip IS NOT NULL AND user_agent IS NOT NULL THEN hash(ip, user_agent) END AS place,
    hash(lower(referee_address)) AS home, hash(lower(referee_name)) AS called,
    CASE WHEN address IS NOT NULL THEN domain END AS domain,
    CASE WHEN address IS NOT NULL THEN hash(mailbox, domain) END AS box,
    CASE WHEN address IS NOT NULL THEN hash(address) END AS spelling,
    CASE WHEN address IS NOT NULL AND right(mailbox, 1) BETWEEN '0' AND '9'
        THEN hash(referrer_id, rtrim(mailbox, '0123456789'), domain) END AS stem,
    -- What the row alone shows; each cheap look stands guard before a dear one.
    CASE
        WHEN referrer_id = referee_customer_id THEN true
        WHEN referrer_cookie_id = cookie_id OR referrer_device_id = device_id OR referrer_payment_hash = payment_hash THEN true
        WHEN was_won AND epoch(won_at) - epoch(clicked_at) BETWEEN 0 AND $too_fast_seconds THEN true
        WHEN was_refunded AND refunded_at >= won_at + to_days($holding_days)
            AND refunded_at < won_at + to_days($holding_days + $grace_days) THEN true
        ELSE false END
    -- One mailbox and one address begin with one character, an accent may come or go.
    OR CASE WHEN (ord(referrer_email) | 32) = (ord(referee_email) | 32) OR ord(referrer_email) > 127 OR ord(referee_email) > 127
        THEN replace(regexp_extract(lower(referrer_email), '^[^@+-]*'), '.', '')
            = replace(regexp_extract(address, '^[^@+-]*'), '.', '') ELSE false END
    OR CASE WHEN (ord(referrer_address) | 32) = (ord(referee_address) | 32) OR ord(referrer_address) > 127 OR ord(referee_address) > 127
        THEN CASE WHEN regexp_extract(referrer_address, '[0-9]+') = regexp_extract(referee_address, '[0-9]+')
            THEN list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referrer_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1]))
                = list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referee_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1]))
            ELSE false END ELSE false END
    OR coalesce(regexp_matches(landing_url, $click_ids, 'i'), false) OR coalesce(regexp_matches(referer_url, $click_ids, 'i'), false)
    OR CASE WHEN len($banned_sources) > 0
        THEN list_contains($banned_sources, regexp_replace(lower(source), '[^a-z0-9]+', '', 'g')) OR strlen(source) > length(source)
            OR len(list_filter($banned_hosts, lambda host: contains(lower(referer_url), host))) > 0
        ELSE false END
        AS shows
FROM boxed;

CREATE TEMP TABLE accounts AS
SELECT hash(referral_id) AS row_key, min(account_hash) AS payout_hash, hash('payout', min(account_hash)) AS payout
FROM referral_payouts
WHERE paid_at < CAST($as_of AS TIMESTAMPTZ) AND account_hash IS NOT NULL
GROUP BY referral_id;
CREATE TEMP TABLE referrers AS
SELECT referrer, count(*) AS referrals_of_referrer, count(*) FILTER (was_won) AS orders_of_referrer,
    count(*) FILTER (was_refunded) AS refunds_of_referrer
FROM known GROUP BY referrer;
-- Traces and the people who left them: a trace of two people joins them, one of very many joins nobody.
CREATE TEMP VIEW left_traces AS
SELECT cookie AS trace, referee AS person FROM known WHERE cookie IS NOT NULL
UNION ALL SELECT referrer_cookie, referrer FROM known WHERE referrer_cookie IS NOT NULL
UNION ALL SELECT device, referee FROM known WHERE device IS NOT NULL
UNION ALL SELECT referrer_device, referrer FROM known WHERE referrer_device IS NOT NULL
UNION ALL SELECT payment, referee FROM known WHERE payment IS NOT NULL
UNION ALL SELECT referrer_payment, referrer FROM known WHERE referrer_payment IS NOT NULL
UNION ALL SELECT payout, referrer FROM accounts JOIN known USING (row_key);
-- A quarter at a time, so that the groups fit in memory.
CREATE TEMP MACRO joining_in(quarter) AS TABLE
SELECT trace, count(*) AS seen FROM left_traces WHERE trace % 4 = quarter GROUP BY trace HAVING min(person) <> max(person);
CREATE TEMP TABLE joining AS FROM joining_in(0);
INSERT INTO joining FROM joining_in(1);
INSERT INTO joining FROM joining_in(2);
INSERT INTO joining FROM joining_in(3);
CREATE TEMP TABLE hubs AS
SELECT trace FROM left_traces
WHERE trace IN (SELECT trace FROM joining WHERE seen > 2 * $trace_cap)
GROUP BY trace HAVING count(DISTINCT person) > 2 * $trace_cap;
CREATE TEMP TABLE ties AS SELECT trace FROM joining WHERE trace NOT IN (SELECT trace FROM hubs);
-- Referred people of one referrer at one network address with one browser, where hardly anybody else refers.
CREATE TEMP TABLE gatherings AS
SELECT hash(place, referrer) AS gathering, any_value(place) AS place FROM known WHERE place IS NOT NULL
GROUP BY gathering HAVING count(*) BETWEEN 2 AND $place_cap;
CREATE TEMP TABLE quiet_places AS
SELECT place FROM known WHERE place IN (SELECT place FROM gatherings)
GROUP BY place HAVING count(DISTINCT referrer) <= 2;
CREATE TEMP TABLE quiet_gatherings AS SELECT gathering FROM gatherings SEMI JOIN quiet_places USING (place);
CREATE TEMP TABLE throw_away AS SELECT unnest($disposable_domains) AS domain;
CREATE TEMP TABLE thrown_away AS
SELECT domain FROM (SELECT DISTINCT domain FROM known WHERE domain IS NOT NULL)
WHERE domain IN (SELECT domain FROM throw_away)
    OR regexp_replace(domain, '^[^.]+\.', '') IN (SELECT domain FROM throw_away)
    OR regexp_replace(domain, '^[^.]+\.[^.]+\.', '') IN (SELECT domain FROM throw_away);
CREATE TEMP TABLE respelled AS SELECT box FROM known WHERE box IS NOT NULL GROUP BY box HAVING min(spelling) <> max(spelling);
CREATE TEMP TABLE numbered AS SELECT stem FROM known WHERE stem IS NOT NULL GROUP BY stem HAVING count(*) >= $sequence;
-- Bursts: enough of one referrer in a stretch of two windows, at either of two offsets; every window lies in one.
CREATE TEMP TABLE busy AS
SELECT row_key, referrer, stretch // 2 AS early, (stretch + 1) // 2 AS late
FROM known
WHERE referrer IN (SELECT referrer FROM referrers WHERE referrals_of_referrer >= $velocity_minimum);
CREATE TEMP TABLE bursts AS
SELECT row_key FROM busy SEMI JOIN (
    SELECT referrer, early FROM busy GROUP BY ALL HAVING count(*) >= $velocity_minimum
) AS crowded USING (referrer, early)
UNION ALL
SELECT row_key FROM busy SEMI JOIN (
    SELECT referrer, late FROM busy GROUP BY ALL HAVING count(*) >= $velocity_minimum
) AS crowded USING (referrer, late);
-- A circle passes through people who both refer and were referred.
CREATE TEMP TABLE referred AS SELECT DISTINCT referee FROM known WHERE referee IN (SELECT referrer FROM referrers);
CREATE TEMP TABLE suspects AS
SELECT DISTINCT row_key FROM (
    SELECT row_key FROM known
    WHERE shows OR referrer = referee
        OR (was_refunded AND referrer IN (SELECT referrer FROM referrers WHERE refunds_of_referrer >= $refund_minimum))
        OR (referee IN (SELECT referee FROM referred) AND referrer IN (SELECT referee FROM referred))
        OR cookie IN (SELECT trace FROM ties) OR referrer_cookie IN (SELECT trace FROM ties)
        OR device IN (SELECT trace FROM ties) OR referrer_device IN (SELECT trace FROM ties)
        OR payment IN (SELECT trace FROM ties) OR referrer_payment IN (SELECT trace FROM ties)
        OR box IN (SELECT box FROM respelled) OR domain IN (SELECT domain FROM thrown_away)
        OR stem IN (SELECT stem FROM numbered)
        OR hash(place, referrer) IN (SELECT gathering FROM quiet_gatherings)
    UNION ALL SELECT row_key FROM bursts
    UNION ALL SELECT row_key FROM accounts WHERE payout IN (SELECT trace FROM ties)
);
CREATE TEMP TABLE chosen AS
SELECT *, hash(referral_id) AS row_key FROM referrals
WHERE invited_at < CAST($as_of AS TIMESTAMPTZ) AND hash(referral_id) IN (SELECT row_key FROM suspects);
CREATE TEMP TABLE homes AS
SELECT home, count(DISTINCT called) AS names_at_address FROM known
WHERE home IN (SELECT home FROM known WHERE row_key IN (SELECT row_key FROM suspects)) GROUP BY home;
SELECT
    chosen.* EXCLUDE (fraud, row_key) REPLACE (
        CASE WHEN clicked_at < CAST($as_of AS TIMESTAMPTZ) THEN clicked_at END AS clicked_at,
        CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END AS submitted_at,
        CASE WHEN won_at < CAST($as_of AS TIMESTAMPTZ) THEN won_at END AS won_at,
        CASE WHEN paid_at < CAST($as_of AS TIMESTAMPTZ) THEN paid_at END AS paid_at,
        CASE WHEN refunded_at < CAST($as_of AS TIMESTAMPTZ) THEN refunded_at END AS refunded_at,
        CASE WHEN cookie IN (SELECT trace FROM hubs) THEN chr(31) || cookie_id ELSE cookie_id END AS cookie_id,
        CASE WHEN referrer_cookie IN (SELECT trace FROM hubs) THEN chr(31) || referrer_cookie_id ELSE referrer_cookie_id END AS referrer_cookie_id,
        CASE WHEN device IN (SELECT trace FROM hubs) THEN chr(31) || device_id ELSE device_id END AS device_id,
        CASE WHEN referrer_device IN (SELECT trace FROM hubs) THEN chr(31) || referrer_device_id ELSE referrer_device_id END AS referrer_device_id,
        CASE WHEN payment IN (SELECT trace FROM hubs) THEN chr(31) || payment_hash ELSE payment_hash END AS payment_hash,
        CASE WHEN referrer_payment IN (SELECT trace FROM hubs) THEN chr(31) || referrer_payment_hash ELSE referrer_payment_hash END AS referrer_payment_hash,
        CASE WHEN hash(place, known.referrer) IN (SELECT gathering FROM quiet_gatherings) THEN ip END AS ip
    ),
    CASE WHEN payout IN (SELECT trace FROM hubs) THEN chr(31) || payout_hash ELSE payout_hash END AS payout_hash,
    referrals_of_referrer, orders_of_referrer, refunds_of_referrer, names_at_address
FROM chosen
JOIN known USING (row_key)
LEFT JOIN accounts USING (row_key)
JOIN homes USING (home)
JOIN referrers ON known.referrer = referrers.referrer
ORDER BY referral_id
