-- Every referral known at as_of as numbers: 64-bit hashes of people, of what they left and of how they are written, 0
-- where not known; and shows, whether the row alone may be suspected. Every condition is at least as wide as
-- the heuristic it stands for, which decides in Python; each cheap look stands guard before a dear one.
CREATE TEMP MACRO key(value) AS CASE WHEN value IS NULL THEN CAST(0 AS UBIGINT) ELSE hash(value) END;
-- A trace that the program knows to be of many people is none.
CREATE TEMP MACRO trace(value, known) AS CASE WHEN value IS NULL OR len(known) > 0 AND list_contains(known, value) THEN CAST(0 AS UBIGINT) ELSE hash(value) END;
CREATE TEMP TABLE accounts AS
SELECT hash(referral_id) AS referral, hash(min(account_hash)) AS payout_hash
FROM referral_payouts
WHERE paid_at < CAST($as_of AS TIMESTAMPTZ) AND account_hash IS NOT NULL
GROUP BY referral_id;
-- The mailbox behind an address, by the rules of its provider where these may change anything.
CREATE TEMP MACRO named_in(address) AS
    CASE WHEN ends_with(address, '.') THEN rtrim(split_part(address, '@', 2), '.') ELSE split_part(address, '@', 2) END;
CREATE TEMP MACRO true_domain(named, aliases, reals) AS coalesce(reals[list_position(aliases, named)], named);
CREATE TEMP MACRO mailbox_of(address, domain, dots, hyphens) AS
    CASE WHEN contains(address, '+') OR contains(address, '-') OR list_contains(dots, domain)
        THEN replace(
            split_part(split_part(address, '@', 1), CASE WHEN list_contains(hyphens, domain) THEN '-' ELSE '+' END, 1),
            CASE WHEN list_contains(dots, domain) THEN '.' ELSE '' END, '')
        ELSE split_part(address, '@', 1) END;
-- Every click id of the list ends so before its equals sign: a cheap look before a dear one.
CREATE TEMP MACRO may_name_a_click(link) AS (contains(link, 'id=') OR contains(link, 'ce=') OR contains(link, 'rc=')
    OR contains(link, 'ik=') OR contains(link, 'um='));
CREATE TEMP MACRO has_click(link, names) AS
    CASE WHEN may_name_a_click(lower(link)) THEN regexp_matches(link, names, 'i') ELSE false END;
-- The parents of a domain of three names or more, itself included, without the last name alone.
CREATE TEMP MACRO parents_of(parts) AS (
    list_transform(range(1, len(parts)), lambda place: array_to_string(list_slice(parts, place, len(parts)), '.')));
-- Who of the referrers has which mailbox: pairs are told apart by their hash, which is one number and not two texts.
CREATE TEMP TABLE boxes AS
SELECT hash(mailbox_of(address, domain, $dots_ignored, $hyphen_tags), domain) AS mailbox, min(referrer) AS referee_refers
FROM (
    SELECT lower(email) AS address, referrer, named_in(address) AS named_domain,
        true_domain(named_domain, $alias_domains, $real_domains) AS domain
    FROM (
        SELECT any_value(referrer_email) AS email, any_value(hash(referrer_id)) AS referrer
        FROM referrals WHERE referrer_email IS NOT NULL AND invited_at < CAST($as_of AS TIMESTAMPTZ)
        GROUP BY hash(referrer_email, referrer_id)
    )
)
GROUP BY 1;
WITH known AS (
    SELECT *,
        coalesce(won_at < CAST($as_of AS TIMESTAMPTZ), false) AS won,
        coalesce(won_at < CAST($as_of AS TIMESTAMPTZ) AND undone_at < CAST($as_of AS TIMESTAMPTZ), false) AS refunded,
        lower(referee_email) AS address,
        named_in(address) AS named_domain,
        true_domain(named_domain, $alias_domains, $real_domains) AS domain
    FROM referrals
    WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
),
boxed AS (
    SELECT *, mailbox_of(address, domain, $dots_ignored, $hyphen_tags) AS mailbox FROM known
),
numbers AS (
    SELECT
        hash(referral_id) AS referral,
        hash(referrer_id) AS referrer,
        CASE WHEN referee_customer_id IS NOT NULL THEN hash(referee_customer_id)
            WHEN referee_email IS NOT NULL THEN hash('mail', address) ELSE hash('row', referral_id) END AS referee,
        epoch_us(coalesce(CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END, invited_at)) AS referred_at,
        won, refunded,
        trace(cookie_id, $known_cookie) AS cookie_id, trace(referrer_cookie_id, $known_cookie) AS referrer_cookie_id,
        trace(device_id, $known_device) AS device_id, trace(referrer_device_id, $known_device) AS referrer_device_id,
        trace(payment_hash, $known_payment) AS payment_hash, trace(referrer_payment_hash, $known_payment) AS referrer_payment_hash,
        CASE WHEN ip IS NULL OR user_agent IS NULL OR len($known_ip) > 0 AND list_contains($known_ip, ip) THEN key(NULL) ELSE hash(ip, user_agent) END AS place,
        key(lower(referee_address)) AS home, key(lower(referee_name)) AS called,
        key(address) AS spelling, CASE WHEN mailbox IS NULL THEN key(NULL) ELSE hash(mailbox, domain) END AS mailbox,
        CASE WHEN right(mailbox, 1) BETWEEN '0' AND '9' THEN hash(referrer_id, rtrim(mailbox, '0123456789'), domain) ELSE key(NULL) END AS stem,
        CASE
            WHEN referrer_id = referee_customer_id THEN true
            WHEN referrer_cookie_id = cookie_id OR referrer_device_id = device_id OR referrer_payment_hash = payment_hash THEN true
            WHEN won AND epoch(won_at) - epoch(clicked_at) BETWEEN 0 AND $too_fast_seconds THEN true
            WHEN refunded AND undone_at >= won_at + to_days($holding_days)
                AND undone_at < won_at + to_days($holding_days + $grace_days) THEN true
            ELSE false END
        -- One mailbox and one address begin with one character, an accent may come or go.
        OR CASE WHEN (ord(referrer_email) | 32) = (ord(referee_email) | 32) OR ord(referrer_email) > 127 OR ord(referee_email) > 127
            THEN coalesce(replace(regexp_extract(lower(referrer_email), '^[^@+-]*'), '.', '')
                = replace(regexp_extract(address, '^[^@+-]*'), '.', ''), false) ELSE false END
        OR CASE WHEN (ord(referrer_address) | 32) = (ord(referee_address) | 32) OR ord(referrer_address) > 127 OR ord(referee_address) > 127
            THEN CASE WHEN regexp_extract(referrer_address, '[0-9]+') = regexp_extract(referee_address, '[0-9]+')
                THEN coalesce(list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referrer_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1]))
                    = list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referee_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1])), false)
                ELSE false END ELSE false END
        OR has_click(landing_url, $click_ids) OR has_click(referer_url, $click_ids)
        OR coalesce(domain IN (SELECT unnest($disposable_domains)), false)
        OR CASE WHEN domain LIKE '%.%.%' THEN list_has_any(parents_of(string_split(domain, '.')), $disposable_domains) ELSE false END
        OR CASE WHEN len($banned_sources) > 0
            THEN coalesce(list_contains($banned_sources, regexp_replace(lower(source), '[^a-z0-9]+', '', 'g')) OR strlen(source) > length(source), false)
                OR coalesce(len(list_filter($banned_hosts, lambda host: contains(lower(referer_url), host))) > 0, false)
            ELSE false END
        OR CASE WHEN len($allowed_channels) > 0 AND channel IS NOT NULL
            THEN NOT list_contains($allowed_channels, regexp_replace(lower(channel), '[^a-z0-9]+', '', 'g')) OR strlen(channel) > length(channel)
            ELSE false END
        OR CASE WHEN won AND len($watched_referrers) + len($watched_partners) > 0
            THEN list_contains($watched_referrers, referrer_id) OR coalesce(list_contains($watched_partners, partner_id), false)
            ELSE false END AS shows
    FROM boxed
)
SELECT numbers.*, coalesce(referee_refers, CAST(0 AS UBIGINT)) AS referee_refers,
    CASE WHEN payout_hash IS NULL OR list_contains(list_transform($known_account, lambda account: hash(account)), payout_hash)
        THEN key(NULL) ELSE payout_hash END AS payout_hash FROM numbers LEFT JOIN accounts USING (referral) LEFT JOIN boxes USING (mailbox)
