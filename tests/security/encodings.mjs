// How a secret may look where it should not be.

// The part of a base64 text that is the same whatever stands before and after the secret, when `skipped` bytes stand before it.
const inBase64 = (skipped, encoding) => (secret) => {
  const from = (3 - skipped) % 3;
  const length = Math.floor((secret.length - from) / 3) * 3;
  return secret.subarray(from, from + length).toString(encoding);
};

export const kEncodings = {
  'as it is': (secret) => secret.toString('utf8'),
  'as Latin-1': (secret) => secret.toString('latin1'),
  'in hex': (secret) => secret.toString('hex'),
  'in capital hex': (secret) => secret.toString('hex').toUpperCase(),
  'in base64': inBase64(0, 'base64'),
  'in base64, one byte on': inBase64(1, 'base64'),
  'in base64, two bytes on': inBase64(2, 'base64'),
  'in base64url': inBase64(0, 'base64url'),
  'in base64url, one byte on': inBase64(1, 'base64url'),
  'in base64url, two bytes on': inBase64(2, 'base64url'),
  'URL-encoded': (secret) => encodeURIComponent(secret.toString('latin1')),
  'as JSON': (secret) => JSON.stringify(secret.toString('latin1')).slice(1, -1),
};

// The names of the encodings in which `secret` (a Buffer) is in `text`.
export function sightings(text, secret) {
  return Object.keys(kEncodings).filter((name) => text.includes(kEncodings[name](secret)));
}
