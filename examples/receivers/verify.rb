# Verifies a webhook of Sluice. Give it the raw body: request.raw_post in Rails, before any JSON parser has touched it.
require 'base64'
require 'openssl'

TOLERANCE = 5 * 60 # seconds that the sender's clock may differ from ours; older requests may be replays

# Raises ArgumentError when the request is not from the holder of `secret` (whsec_...). `headers` have lower-case names.
def verify(secret, headers, body, now = Time.now.to_i)
  id = headers['webhook-id'].to_s
  timestamp = headers['webhook-timestamp'].to_s
  raise ArgumentError, 'webhook-timestamp is missing or no number' unless timestamp.match?(/\A\d{1,12}\z/)
  raise ArgumentError, 'webhook-timestamp is too old or in the future' if (now - timestamp.to_i).abs > TOLERANCE

  key = Base64.strict_decode64(secret.delete_prefix('whsec_'))
  expected = Base64.strict_encode64(OpenSSL::HMAC.digest('SHA256', key, "#{id}.#{timestamp}.".b + body.b))
  # There is more than one signature while a secret is being rotated, and there may be some of other kinds.
  fits = headers['webhook-signature'].to_s.split(' ').any? do |item|
    item.start_with?('v1,') && OpenSSL.secure_compare(item.delete_prefix('v1,'), expected)
  end
  raise ArgumentError, 'no signature fits' unless fits
end

# As a program: the headers from the environment, the body from standard input.
if $PROGRAM_NAME == __FILE__
  names = { 'webhook-id' => 'WEBHOOK_ID', 'webhook-timestamp' => 'WEBHOOK_TIMESTAMP', 'webhook-signature' => 'WEBHOOK_SIGNATURE' }
  begin
    verify(ENV.fetch('WEBHOOK_SECRET'), names.transform_values { |variable| ENV[variable] }, $stdin.binmode.read)
  rescue ArgumentError => e
    abort e.message
  end
end
