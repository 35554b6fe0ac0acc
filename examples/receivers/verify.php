<?php
// Verifies a webhook of Sluice. Give it the raw body: file_get_contents('php://input'), not $_POST.

const TOLERANCE = 5 * 60; // seconds that the sender's clock may differ from ours; older requests may be replays

/** Throws when the request is not from the holder of $secret (whsec_...). $headers have lower-case names. */
function verify(string $secret, array $headers, string $body, ?int $now = null): void
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!preg_match('/^\d{1,12}$/D', $timestamp)) {
        throw new UnexpectedValueException('webhook-timestamp is missing or no number');
    }
    if (abs(($now ?? time()) - (int) $timestamp) > TOLERANCE) {
        throw new UnexpectedValueException('webhook-timestamp is too old or in the future');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // There is more than one signature while a secret is being rotated, and there may be some of other kinds.
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $item) {
        if (str_starts_with($item, 'v1,') && hash_equals($expected, substr($item, 3))) {
            return;
        }
    }
    throw new UnexpectedValueException('no signature fits');
}

// As a program: the headers from the environment, the body from standard input.
if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    $given = [
        'webhook-id' => getenv('WEBHOOK_ID') ?: '',
        'webhook-timestamp' => getenv('WEBHOOK_TIMESTAMP') ?: '',
        'webhook-signature' => getenv('WEBHOOK_SIGNATURE') ?: '',
    ];
    try {
        verify(getenv('WEBHOOK_SECRET'), $given, stream_get_contents(STDIN));
    } catch (UnexpectedValueException $error) {
        fwrite(STDERR, $error->getMessage() . "\n");
        exit(1);
    }
}
