import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  answerChallenge,
  authorize,
  createChallenger,
  createDigestState,
  digestResponse,
  withAuthorization,
} from "../../../src/carriers/sip/digest.ts";
import { parseAuthParams } from "../../../src/carriers/sip/message/authParams.ts";
import { createHeaders } from "../../../src/carriers/sip/message/createHeaders.ts";
import type { SipRequest, SipResponse } from "../../../src/carriers/sip/message/message.ts";
import { nameAddr } from "../../../src/carriers/sip/message/nameAddr.ts";
import { sipUri } from "../../../src/carriers/sip/message/uri.ts";
import { via } from "../../../src/carriers/sip/message/via.ts";

const credentials = { username: "bob", password: "zanzibar" };
const bob = nameAddr(sipUri({ user: "bob", host: "biloxi.example.com" }));

const common = {
  via: [via({ transport: "UDP", host: "192.0.2.1" })],
  from: bob,
  to: bob,
  callId: "a",
  contact: [],
  recordRoute: [],
};
const request = (method = "INVITE", body = ""): SipRequest => ({
  ...common,
  kind: "request",
  method,
  uri: sipUri({ user: "bob", host: "biloxi.example.com" }),
  maxForwards: 70,
  route: [],
  cseq: { sequence: 1, method },
  headers: createHeaders(),
  body: Buffer.from(body),
});
const response = (status: number, ...challenges: string[]): SipResponse => ({
  ...common,
  kind: "response",
  status,
  reason: "",
  cseq: { sequence: 1, method: "INVITE" },
  headers: createHeaders(challenges.map((value) => [status === 407 ? "Proxy-Authenticate" : "WWW-Authenticate", value])),
  body: Buffer.alloc(0),
});

const paramsOf = (value: string | undefined): ReadonlyMap<string, string> => {
  const read = parseAuthParams(value ?? "");
  assert.ok(read);
  return read.params;
};
const answered = (lines: readonly (readonly [string, string])[] | null, at = 0): ReadonlyMap<string, string> => paramsOf(lines?.[at]?.[1]);

test("the responses of the RFCs' own examples come out (RFC 2617 3.5, RFC 7616 3.9.1)", () => {
  const old = {
    algorithm: { hash: "md5", session: false },
    credentials: { username: "Mufasa", password: "Circle Of Life" },
    realm: "testrealm@host.com",
    nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    qop: "auth",
    nc: "00000001",
    cnonce: "0a4f113b",
    method: "GET",
    uri: "/dir/index.html",
    body: Buffer.alloc(0),
  } as const;
  assert.equal(digestResponse(old), "6629fae49393a05397450978507c4ef1");
  assert.equal(digestResponse({ ...old, qop: null }), "670fd8c2df070c60b045671b8b24ff02");
  const recent = {
    ...old,
    credentials: { username: "Mufasa", password: "Circle of Life" },
    realm: "http-auth@example.org",
    nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  } as const;
  assert.equal(digestResponse(recent), "8ca523f5e9506fed4657c9700eebdbec");
  assert.equal(
    digestResponse({ ...recent, algorithm: { hash: "sha256", session: false } }),
    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
  );
});

test("a challenge without qop and algorithm is answered as RFC 2069 has it (RFC 3261 22.4)", () => {
  const lines = answerChallenge(response(401, 'Digest realm="r", nonce="n"'), request(), credentials, createDigestState());
  const params = answered(lines);
  assert.equal(lines?.[0]?.[0], "Authorization");
  assert.deepEqual([...params.keys()], ["username", "realm", "nonce", "uri", "response"]);
  assert.equal(params.get("uri"), "sip:bob@biloxi.example.com");
});

test("of several algorithms for one realm the strongest is taken, unknown ones are passed over (RFC 8760 2.4)", () => {
  const offer = ["MD5", "SHA-256", "SHA-9999"].map((name) => `Digest realm="r", nonce="${name}", qop="auth", algorithm=${name}`);
  const params = answered(answerChallenge(response(401, ...offer), request(), credentials, createDigestState()));
  assert.equal(params.get("algorithm"), "SHA-256");
  assert.equal(params.get("nonce"), "SHA-256");
});

test("each realm is answered, of a server and of a proxy on the way (RFC 3261 22.3)", () => {
  const state = createDigestState();
  const first = answerChallenge(response(407, 'Digest realm="proxy", nonce="p", qop="auth"'), request(), credentials, state);
  assert.deepEqual(
    first?.map(([name]) => name),
    ["Proxy-Authorization"],
  );
  const again = withAuthorization(request(), first ?? []);
  const second = answerChallenge(response(401, 'Digest realm="home", nonce="h", qop="auth"'), again, credentials, state);
  assert.deepEqual(
    second?.map(([name]) => name),
    ["Proxy-Authorization", "Authorization"],
  );
  assert.equal(answered(second, 0).get("nc"), "00000002");
  assert.equal(answered(second, 1).get("nc"), "00000001");
});

test("credentials that were refused are not sent again (RFC 3261 22.2)", () => {
  const state = createDigestState();
  const lines = answerChallenge(response(401, 'Digest realm="r", nonce="1", qop="auth"'), request(), credentials, state);
  const refused = response(401, 'Digest realm="r", nonce="2", qop="auth"');
  assert.equal(answerChallenge(refused, withAuthorization(request(), lines ?? []), credentials, state), null);
});

test("a stale nonce is replaced, also twice, but not for ever (RFC 7616 3.3)", () => {
  const state = createDigestState();
  let sent = request();
  const outcomes: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    const lines = answerChallenge(response(401, `Digest realm="r", nonce="${i}", qop="auth", stale=${i > 0}`), sent, credentials, state);
    outcomes.push(lines !== null);
    if (lines) sent = withAuthorization(sent, lines);
  }
  assert.deepEqual(outcomes, [true, true, true, false, false]);
});

test("a nonce known is used for further requests, its count goes up, and when it has run out without saying so a new one is taken", () => {
  const state = createDigestState();
  answerChallenge(response(401, 'Digest realm="r", nonce="1", qop="auth"'), request("REGISTER"), credentials, state);
  const lines = authorize(request("REGISTER"), credentials, state);
  assert.equal(answered(lines).get("nc"), "00000002");
  const fresh = answerChallenge(
    response(401, 'Digest realm="r", nonce="2", qop="auth"'),
    withAuthorization(request(), lines),
    credentials,
    state,
  );
  assert.equal(answered(fresh).get("nonce"), "2");
  assert.equal(answered(fresh).get("nc"), "00000001");
});

test("a proxy and a server that ask by turns for ever are given up on", () => {
  const state = createDigestState();
  let sent = request();
  let rounds = 0;
  for (; rounds < 100; rounds++) {
    const lines = answerChallenge(
      response(rounds % 2 ? 401 : 407, `Digest realm="r", nonce="${rounds}", qop="auth"`),
      sent,
      credentials,
      state,
    );
    if (!lines) break;
    sent = withAuthorization(sent, lines);
  }
  assert.ok(rounds < 10, `${rounds} rounds`);
});

test("auth-int is answered when nothing else is offered, and covers the body (RFC 7616 3.4.3)", () => {
  const challenge = (qop: string): SipResponse => response(401, `Digest realm="r", nonce="n", algorithm=MD5-sess, qop="${qop}"`);
  const sent = request("INVITE", "v=0\r\n");
  const params = answered(answerChallenge(challenge("auth-int"), sent, credentials, createDigestState()));
  assert.equal(params.get("qop"), "auth-int");
  assert.equal(
    params.get("response"),
    digestResponse({
      algorithm: { hash: "md5", session: true },
      credentials,
      realm: "r",
      nonce: "n",
      qop: "auth-int",
      nc: "00000001",
      cnonce: params.get("cnonce") ?? "",
      method: "INVITE",
      uri: "sip:bob@biloxi.example.com",
      body: sent.body,
    }),
  );
  assert.equal(answered(answerChallenge(challenge("auth-int, auth"), sent, credentials, createDigestState())).get("qop"), "auth");
  assert.equal(answerChallenge(challenge("auth-x"), sent, credentials, createDigestState()), null);
});

test("what is no Digest challenge is not answered", () => {
  for (const value of ['Basic realm="r"', "Digest", 'Digest realm="r', 'Digest realm="r", nonce="n", nonce="m"', ""]) {
    assert.equal(answerChallenge(response(401, value), request(), credentials, createDigestState()), null, value);
  }
  assert.equal(answerChallenge(response(401), request(), credentials, createDigestState()), null);
});

test("realm, nonce and opaque go back as they came, escapes included (RFC 3261 25.1)", () => {
  const lines = answerChallenge(
    response(401, 'Digest realm="a \\"b\\"", nonce="n\\\\", opaque="o,p"'),
    request(),
    credentials,
    createDigestState(),
  );
  assert.match(lines?.[0]?.[1] ?? "", /realm="a \\"b\\"", nonce="n\\\\".*opaque="o,p"/);
});

function clientFor(challenges: readonly string[], sent: SipRequest, who = credentials) {
  const state = createDigestState();
  const lines = answerChallenge(response(401, ...challenges), sent, who, state);
  return { state, sent: withAuthorization(sent, lines ?? []) };
}

test("our challenges offer MD5 first, for clients that read no further, and SHA-256; an answer to either is verified (RFC 8760 2.3)", () => {
  const challenger = createChallenger();
  const challenges = challenger.challenge('the "gate"');
  assert.deepEqual(
    challenges.map((value) => paramsOf(value).get("algorithm")),
    ["MD5", "SHA-256"],
  );
  const odd = { username: 'b"ob\\', password: "é" };
  for (const at of [0, 1]) {
    const claim = challenger.read(clientFor([challenger.challenge('the "gate"')[at] ?? ""], request(), odd).sent);
    assert.ok(claim.kind === "claim");
    assert.equal(claim.username, odd.username);
    assert.equal(claim.verify({ ...odd, password: "e" }), false);
    assert.equal(claim.verify(odd), true);
  }
  const claim = challenger.read(clientFor(challenges, request()).sent);
  assert.ok(claim.kind === "claim");
  assert.equal(claim.verify({ username: "bob", password: "wrong" }), false);
  assert.equal(claim.verify({ username: "alice", password: "zanzibar" }), false);
  assert.equal(claim.verify(credentials), true);
});

test("a use of a nonce is good once; the next count is good again (RFC 7616 3.4)", () => {
  const challenger = createChallenger();
  const { sent, state } = clientFor(challenger.challenge("r"), request());
  const verify = (of: SipRequest): boolean => {
    const claim = challenger.read(of);
    return claim.kind === "claim" && claim.verify(credentials);
  };
  assert.equal(verify(sent), true);
  assert.equal(verify(sent), false);
  const next = withAuthorization(request(), authorize(request(), credentials, state));
  assert.equal(verify(next), true);
  assert.equal(verify(sent), false);
});

test("a right answer says what it was made for, which need not be what the request has arrived for (RFC 3261 22.4)", () => {
  const challenger = createChallenger();
  const { sent } = clientFor(challenger.challenge("r"), request());
  const read = (of: SipRequest) => {
    const claim = challenger.read(of);
    assert.ok(claim.kind === "claim");
    return claim;
  };
  const arrived = read({ ...sent, uri: sipUri({ user: "robert", host: "192.0.2.1" }) });
  assert.deepEqual(arrived.uri, request().uri);
  assert.equal(arrived.verify(credentials), true);
  const [line] = sent.headers.all("Authorization");
  const without = withAuthorization(sent, [["Authorization", (line ?? "").replace(/ uri="[^"]*",/, "")]]);
  assert.equal(read(without).uri, null);
});

test("an answer for another method, or without a count twice, is refused", () => {
  const challenger = createChallenger();
  const { sent } = clientFor(challenger.challenge("r"), request());
  const claim = challenger.read({ ...sent, method: "BYE" });
  assert.equal(claim.kind === "claim" && claim.verify(credentials), false);
  const bare = (challenger.challenge("r")[0] ?? "").replace(' qop="auth",', "");
  const old = clientFor([bare], request()).sent;
  const results = [1, 2].map(() => {
    const again = challenger.read(old);
    return again.kind === "claim" && again.verify(credentials);
  });
  assert.deepEqual(results, [true, false]);
});

test("a nonce that has expired is told as stale, one that is not ours or was changed is no claim", () => {
  let now = 1_000_000;
  const challenger = createChallenger({ expiresMs: 1000, now: () => now });
  const { sent } = clientFor(challenger.challenge("r"), request());
  assert.equal(challenger.read(sent).kind, "claim");
  now += 1000;
  assert.deepEqual(challenger.read(sent), { kind: "stale", realm: "r" });
  assert.match(challenger.challenge("r", { stale: true })[0] ?? "", /stale=true/);
  assert.equal(createChallenger({ now: () => now }).read(sent).kind, "none");
  const changed = (from: RegExp, to: string): SipRequest =>
    withAuthorization(sent, [["Authorization", (sent.headers.get("Authorization") ?? "").replace(from, to)]]);
  assert.equal(challenger.read(changed(/nonce="./, 'nonce="_')).kind, "none");
  assert.equal(challenger.read(changed(/realm="r"/, 'realm="s"')).kind, "none");
  assert.equal(challenger.read(changed(/nonce="[^"]*"/, 'nonce="\\""')).kind, "none");
  assert.equal(challenger.read(request()).kind, "none");
});

test("nodes with one secret take answers to each other's challenges", () => {
  const secret = Buffer.alloc(32, 7);
  const { sent } = clientFor(createChallenger({ secret }).challenge("r"), request());
  const claim = createChallenger({ secret }).read(sent);
  assert.equal(claim.kind === "claim" && claim.verify(credentials), true);
});

test("no challenge and no credentials, whatever they are, do harm", () => {
  const challenger = createChallenger();
  const pieces = fc.constantFrom(
    "Digest ",
    "realm=",
    "nonce=",
    "qop=",
    '"auth"',
    '"a\\"b"',
    ",",
    "=",
    '"',
    "\\",
    "response=",
    "username=",
    "algorithm=MD5",
    " ",
  );
  const value = fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 20 }).map((all) => `Digest ${all.join("")}`);
  fc.assert(
    fc.property(value, (text) => {
      for (const [, line] of answerChallenge(response(401, text), request(), credentials, createDigestState()) ?? []) {
        assert.ok(parseAuthParams(line), line);
      }
      assert.equal(challenger.read(withAuthorization(request(), [["Authorization", text]])).kind, "none");
    }),
    { seed: 7616, numRuns: 2000 },
  );
});
