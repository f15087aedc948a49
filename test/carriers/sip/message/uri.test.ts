import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nameAddr, parseNameAddr, writeNameAddr } from "../../../../src/carriers/sip/message/nameAddr.ts";
import { parseUri, sipUri, writeUri } from "../../../../src/carriers/sip/message/uri.ts";
import { parseVia, via, writeVia } from "../../../../src/carriers/sip/message/via.ts";

const uri = (text: string) => {
  const read = parseUri(text);
  assert.ok(read, text);
  return read;
};

test("the parts of a SIP URI (RFC 3261 19.1.1)", () => {
  assert.deepEqual(uri("SIPS:alice:secret@Atlanta.COM:5061;transport=tcp;lr?subject=project&priority=urgent"), {
    kind: "sip",
    scheme: "sips",
    user: "alice",
    password: "secret",
    host: "atlanta.com",
    port: 5061,
    params: new Map([
      ["transport", "tcp"],
      ["lr", null],
    ]),
    headers: "subject=project&priority=urgent",
  });
  const v6 = uri("sip:[2001:DB8::1]:5070");
  assert.deepEqual([v6.kind === "sip" && v6.host, v6.kind === "sip" && v6.port], ["[2001:db8::1]", 5070]);
  assert.deepEqual(uri("tel:+1-201-555-0123;phone-context=x"), {
    kind: "other",
    scheme: "tel",
    raw: "tel:+1-201-555-0123;phone-context=x",
  });
});

test("what is no URI is null", () => {
  const wrong = [
    "",
    "sip:",
    "sip:@host",
    "sip:a@",
    "sip:a@b@c",
    "sip:a b@c",
    "sip:a%zz@c",
    "sip:a%4@c",
    "sip:host:",
    "sip:host:65536",
    "sip:host:99999999999999999999",
    "sip:[::1",
    "sip:[1.2.3.4]",
    "sip:[::g]",
    "sip:host;",
    "sip:host;;lr",
    "sip:host;a;A",
    "sip:host;a=",
    "sip:host;a=<b>",
    "sip:host?a b",
    'sip:host?a="',
    "host",
    ":x",
    "1a:b",
    "a b:c",
    "tel:",
    "tel:1 2",
    "<sip:a@b>",
    "sip:hößt",
  ];
  for (const text of wrong) assert.equal(parseUri(text), null, text);
});

test("a # in a user, as feature codes are sent by phones, is taken, and escaped in what we make of it", () => {
  const read = uri("sip:*21#@pbx");
  assert.equal(writeUri({ ...read }), "sip:*21%23@pbx");
});

test("escapes that are no UTF-8 go back as the same bytes (RFC 3261 19.1.2)", () => {
  const read = uri("sip:caf%E9@host;x=%FF");
  assert.equal(read.kind === "sip" && read.user, "café");
  assert.equal(writeUri(read), "sip:caf%E9@host;x=%FF");
  assert.equal(writeUri(uri("sip:caf%C3%A9@host")), "sip:caf%C3%A9@host");
});

test("any user, password and parameter is written so that the same comes back", () => {
  const text = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(
    fc.property(
      text,
      fc.option(text),
      fc.dictionary(fc.stringMatching(/^[a-z0-9-]{1,8}$/), fc.option(text), { maxKeys: 4 }),
      (user, password, params) => {
        const made = sipUri({ user, password, host: "example.com", port: 5060, params: Object.entries(params) });
        const back = parseUri(writeUri(made));
        const wellFormed = (one: string | null): string | null => one && Buffer.from(one, "utf8").toString("utf8");
        assert.ok(back?.kind === "sip");
        assert.deepEqual([back.user, back.password], [wellFormed(user), wellFormed(password)]);
        assert.deepEqual(
          [...back.params],
          Object.entries(params).map(([name, value]) => [name, wellFormed(value)]),
        );
      },
    ),
    { seed: 3261, numRuns: 500 },
  );
});

test("what would break out of a URI is not written", () => {
  assert.throws(() => writeUri(sipUri({ host: "a>;b" })));
  assert.throws(() => writeUri(sipUri({ host: "a\r\nX: y" })));
  assert.throws(() => writeUri(sipUri({ host: "a", headers: "x>\r\n" })));
  assert.throws(() => writeUri({ kind: "other", scheme: "tel", raw: "tel:1>\r\nX: y" }));
  assert.throws(() => writeUri({ kind: "other", scheme: "sip", raw: "sip:a@b" }));
  assert.equal(writeUri(sipUri({ host: "2001:db8::1" })), "sip:[2001:db8::1]");
});

test("what was read is written as it was: it goes back to a peer that compares as it likes (RFC 3261 12.2.1.1, 19.1.4)", () => {
  const texts = [
    "sip:%2B123@example.com",
    "sip:a@SBC.example.com;Hpt=8e22_16;CxtId=3;TRC=ffffffff",
    "sip:192.0.2.1;lr;vsf=AAAA==;did=a.b,c",
    "sip:a@example.com;x=%41;y=\u00e9?h=%20",
  ];
  for (const text of texts) assert.equal(writeUri(uri(text)), text);
  // Not what was made of it.
  const read = uri("sip:%2B123@SBC.example.com");
  assert.equal(writeUri({ ...read }), "sip:+123@sbc.example.com");
});

test("without angle brackets parameters are the header's, and ? and , cannot be (RFC 3261 20.10)", () => {
  const read = parseNameAddr(" sip:a@b ; tag = x ;y");
  assert.deepEqual(
    [...(read?.params ?? [])],
    [
      ["tag", "x"],
      ["y", null],
    ],
  );
  assert.equal(read?.uri.kind === "sip" && read.uri.params.size, 0);
  for (const wrong of [
    "sip:a@b?c=d",
    "sip:a,b@c",
    "sip:a;b@c",
    "<sip:a@b",
    "sip:a@b>",
    "<>",
    '"a" sip:a@b',
    '"a <sip:a@b>',
    "<sip:a@b>;;x",
    "<sip:a@b>;x=",
    "<sip:a@b>;x;X",
    "<sip:a@b> x",
    "a;b <sip:a@b>",
    "",
  ]) {
    assert.equal(parseNameAddr(wrong), null, wrong);
  }
});

test("display names: quoted, of tokens, of more than tokens, none", () => {
  const name = (text: string) => parseNameAddr(text)?.displayName;
  assert.equal(name('"A \\"b\\" \\\\, c" <sip:a@b>'), 'A "b" \\, c');
  assert.equal(name("Dr. No <sip:a@b>"), "Dr. No");
  assert.equal(name("Müller (Büro) <sip:a@b>"), "Müller (Büro)");
  assert.equal(name('""<sip:a@b>'), null);
  assert.equal(name("<sip:a@b>"), null);
  assert.equal(name('sip:a@b;x="<c>"'), null);
});

test("any display name and parameter value is written so that the same comes back, but for line breaks", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((one) => !/[\r\n]/.test(one));
  fc.assert(
    fc.property(text, text, (displayName, value) => {
      const back = parseNameAddr(writeNameAddr(nameAddr(sipUri({ user: "a", host: "b" }), displayName, [["X", value]])));
      assert.equal(back?.displayName, displayName);
      assert.equal(back.params.get("x"), value);
    }),
    { seed: 3261, numRuns: 500 },
  );
  assert.equal(writeNameAddr(nameAddr(sipUri({ host: "b" }), "a\r\nX: y")), '"a  X: y" <sip:b>');
  assert.throws(() => writeNameAddr(nameAddr(sipUri({ host: "b" }), null, [["a;b", null]])));
});

test("Via: what is none is null, what is one comes back as it was (RFC 3261 20.42)", () => {
  for (const wrong of [
    "",
    "SIP/2.0/UDP",
    "SIP/2.0 host",
    "SIP/2.0/ host",
    "SIP/1.0/UDP host",
    "HTTP/2.0/UDP host",
    "SIP/2.0/UDPhost",
    "SIP/2.0/UDP host:",
    "SIP/2.0/UDP host:99999",
    "SIP/2.0/UDP host x",
    "SIP/2.0/UDP host;;",
  ]) {
    assert.equal(parseVia(wrong), null, wrong);
  }
  const text = "SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bK/+=:x;received=2001:db8::1;rport=5";
  const read = parseVia(text);
  assert.equal(read?.params.get("received"), "2001:db8::1");
  assert.equal(writeVia(read), text);
  assert.equal(
    writeVia(
      via({
        transport: "udp",
        host: "2001:db8::9",
        params: [
          ["branch", "a"],
          ["rport", null],
        ],
      }),
    ),
    "SIP/2.0/UDP [2001:db8::9];branch=a;rport",
  );
  assert.throws(() => writeVia(via({ transport: "udp x", host: "a" })));
});
