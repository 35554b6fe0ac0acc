-- Canonical JSON and state_hash: the shared cases after a jsonb round trip, and what the round trip makes of numbers.
BEGIN;
SELECT plan(18);

SELECT is(sluice.canonical_json('{}'), '{}', 'an empty object');
SELECT is(sluice.state_hash('{}'), 'RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=', 'its hash');
SELECT is(sluice.state_hash('{"a": 1}'), 'AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=', 'a small one');
SELECT is(sluice.state_hash('{"big": 12345678901234567890123}'), 'DCip7FVL31RXmBBpj+1oYlagSMlLjt4SZlDuoukudsg=', 'an integer of any length keeps its digits');
SELECT is(sluice.state_hash('{"user": {"age": 15}, "temp": {"liked": ["x", "y"]}, "context": {"locale": "en-US"}}'),
          'Uu49wsNYZ33TW9/9F/CHLccHqMbbIFwifVkAxxFVw04=', 'nested objects are sorted');
SELECT is(sluice.state_hash('{"temp": {"name": "Jos\u00e9", "e": "\ud83c\udf89", "q": "\"\\/\n\t\u0001\u007f"}}'),
          'G6HrtizPjuZzvl6Vx75QAr0nrpdi+GX3AdbkXEj/2J0=', 'characters outside printable ASCII are escaped');
SELECT is(sluice.canonical_json('{"b": 1, "aa": 2, "a": 3, "Z": 4, "é": 5, "\ud83c\udf89": 6, "ﬀ": 7}'),
          '{"Z":4,"a":3,"aa":2,"b":1,"\u00e9":5,"\ufb00":7,"\ud83c\udf89":6}', 'keys are sorted by code point, not by length or UTF-16');
SELECT is(sluice.canonical_json('[1, 1.0, 1.5, 1.50, -0.0, 1e16, 1e-7, 1e-5, 0.0001, 1e21, true, false, null, "", [], {}]'),
          '[1,1.0,1.5,1.5,0.0,10000000000000000,1e-07,1e-05,0.0001,1000000000000000000000,true,false,null,"",[],{}]', 'numbers as jsonb holds them');
SELECT is(sluice.canonical_json(to_jsonb(v)), w, 'number ' || v)
  FROM (VALUES (1000000000000000.0, '1000000000000000.0'), (1234567890123456.5, '1234567890123456.5'), (9999999999999998.0, '9999999999999998.0'),
               (10000000000000000.0, '1e+16'), (123456789012345678.5, '1.2345678901234568e+17'), (-0.00001234, '-1.234e-05'),
               (100000000000000.0, '100000000000000.0'), (0.1, '0.1'), (-2.50, '-2.5')) AS c (v, w);
SELECT is(sluice.canonical_json(('0.' || repeat('0', 400) || '1')::jsonb), '0.0', 'what a double rounds to zero');
SELECT * FROM finish();
ROLLBACK;
