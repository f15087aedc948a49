import assert from "node:assert/strict";
import { test } from "node:test";
import type { NameAddr, SipMessage, SipRequest, Uri } from "../../../../src/carriers/sip/message/message.ts";
import { parseMessage } from "../../../../src/carriers/sip/message/parseMessage.ts";
import { writeMessage } from "../../../../src/carriers/sip/message/writeMessage.ts";
import { torture } from "../torture.ts";

test("there are 49 of them, each once", () => {
  assert.equal(new Set(torture.map(({ name }) => name)).size, 49);
});

for (const { name, section, bytes, parser } of torture) {
  test(`${name}: ${parser} (RFC 4475 ${section})`, () => {
    const result = parseMessage(bytes);
    if (parser === "accept") {
      assert.ok(result.ok, result.ok ? "" : result.detail);
      const again = parseMessage(writeMessage(result.message));
      assert.ok(again.ok, again.ok ? "" : again.detail);
      assert.deepEqual(plain(again.message), plain(result.message));
    } else {
      assert.ok(!result.ok);
      assert.equal(result.status, parser === "drop" ? 400 : parser);
      assert.equal(result.request === null, parser === "drop");
    }
  });
}

/** Without functions, so that two can be compared. */
const plain = (message: SipMessage): unknown => ({ ...message, headers: [...message.headers.entries()] });

function accepted(name: string): SipMessage {
  const result = parseMessage(torture.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0));
  assert.ok(result.ok, name);
  return result.message;
}
function request(name: string): SipRequest {
  const message = accepted(name);
  assert.ok(message.kind === "request");
  return message;
}
function sip(uri: Uri | undefined) {
  assert.ok(uri?.kind === "sip");
  return uri;
}
function contacts(message: SipMessage): readonly NameAddr[] {
  assert.ok(message.contact !== "*");
  return message.contact;
}

test("wsinv: every field is read through its folding, escapes and white space (RFC 4475 3.1.1.1)", () => {
  const message = request("wsinv");
  assert.ok(sip(message.uri).params.has("unknownparam"));
  assert.equal(message.to.params.get("tag"), "1918181833n");
  assert.equal(message.from.displayName, 'J Rosenberg \\"');
  assert.equal(message.from.params.get("tag"), "98asjd8");
  assert.equal(message.maxForwards, 68);
  assert.deepEqual(message.cseq, { sequence: 9, method: "INVITE" });
  assert.deepEqual(
    message.via.map((via) => `${via.transport} ${via.host} ${via.params.get("branch")}`),
    ["UDP 192.0.2.2 390skdjuw", "TCP spindle.example.com z9hG4bK9ikj8", "UDP 192.168.255.111 z9hG4bK30239"],
  );
  assert.equal(message.headers.get("Subject"), "");
  assert.equal(message.headers.get("NewFangledHeader"), "newfangled value continued newfangled value");
  assert.equal(message.headers.get("UnknownHeaderWithUnusualValue"), ";;,,;;,;");
  assert.deepEqual(
    [...sip(message.route[0]?.uri).params],
    [
      ["lr", null],
      ["unknownwith", "value"],
      ["unknown-no-value", null],
    ],
  );
  const [contact] = contacts(message);
  assert.equal(contact?.displayName, 'Quoted string ""');
  assert.deepEqual(
    [...contact.params],
    [
      ["newparam", "newvalue"],
      ["secondparam", null],
      ["q", "0.33"],
    ],
  );
  assert.equal(message.body.length, 150);
});

test("intmeth: unusual characters stay what they are (RFC 4475 3.1.1.2)", () => {
  const message = request("intmeth");
  assert.equal(message.method, "!interesting-Method0123456789_*+`.%indeed'~");
  assert.equal(sip(message.uri).user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  assert.equal(sip(message.uri).password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  assert.equal(sip(message.uri).host, "example.com");
  assert.equal(message.to.displayName, "BEL:\x07 NUL:\x00 DEL:\x7f");
  assert.equal(message.from.displayName, "token1~` token2'+_ token3*%!.-");
  assert.equal(message.from.params.get("fromparam''~+*_!.-%"), "работающий");
  assert.equal(message.from.params.get("tag"), "_token~1'+`*%!-.");
  assert.equal(message.callId, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
  assert.equal(message.headers.get("extensionHeader-!.%*+_`'~"), "\ufeff大停電");
  assert.equal(message.maxForwards, 255);
});

test("esc01, escnull, esc02: escapes are undone once, in URIs only (RFC 4475 3.1.1.3 to 3.1.1.5)", () => {
  const one = request("esc01");
  assert.equal(sip(one.uri).user, "sips:user@example.com");
  assert.equal(sip(one.to.uri).user, "user");
  assert.equal(sip(one.from.uri).user, "I have spaces");
  assert.deepEqual(
    [...sip(contacts(one)[0]?.uri).params],
    [
      ["lr", null],
      ["name", "value%41"],
    ],
  );
  const nothing = request("escnull");
  assert.equal(sip(nothing.to.uri).user, "null-\0-null");
  assert.deepEqual(
    contacts(nothing).map(({ uri }) => sip(uri).user),
    ["\0", "\0\0"],
  );
  const two = request("esc02");
  assert.equal(two.method, "RE%47IST%45R");
  assert.equal(two.to.displayName, "%Z%45");
  assert.equal(two.via[0]?.params.get("branch"), "z9hG4bK209%fzsnel234");
  assert.equal(contacts(two).length, 2);
  assert.equal(two.headers.get("C%6Fntact"), "<sip:alias2@host2.example.com>");
});

test("lwsdisp, longreq, dblreq, semiuri, transports, mpart01: the other valid requests (RFC 4475 3.1.1)", () => {
  assert.equal(request("lwsdisp").from.displayName, "caller");
  const long = request("longreq");
  assert.equal(long.via.length, 34);
  assert.equal(long.via[32]?.host, "sip1.example.com");
  assert.equal(long.body.length, 150);
  assert.equal(sip(long.to.uri).port, 6000);
  const first = request("dblreq");
  assert.equal(first.method, "REGISTER");
  assert.equal(first.body.length, 0);
  const semi = request("semiuri");
  assert.equal(sip(semi.uri).user, "user;par=u@example.net");
  assert.equal(semi.headers.all("Accept").length, 6);
  assert.deepEqual(
    request("transports").via.map(({ transport }) => transport),
    ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"],
  );
  const parts = request("mpart01");
  assert.ok(parts.body.includes(Buffer.from([0x30, 0x82, 0x01])));
  assert.ok(parts.body.toString("latin1").endsWith("\r\n--7a9cbec02ceef655--\r\n"));
});

test("unreason, noreason, bcast: responses (RFC 4475 3.1.1.12, 3.1.1.13, 3.3.10)", () => {
  const unusual = accepted("unreason");
  assert.ok(unusual.kind === "response");
  assert.equal(unusual.reason, "= 2**3 * 5**2 но сто девяносто девять - простое");
  const empty = accepted("noreason");
  assert.ok(empty.kind === "response");
  assert.deepEqual([empty.status, empty.reason], [100, ""]);
  assert.equal(accepted("bcast").via[1]?.host, "255.255.255.255");
});

test("what is for a layer above comes through with what it needs (RFC 4475 3.2 to 3.4)", () => {
  assert.equal(request("badbranch").via[0]?.params.get("branch"), "z9hG4bK");
  assert.deepEqual(request("unkscm").uri, {
    kind: "other",
    scheme: "nobodyknowsthisscheme",
    raw: "nobodyKnowsThisScheme:totallyopaquecontent",
  });
  assert.equal(request("novelsc").uri.scheme, "soap.beep");
  const schemes = request("unksm2");
  assert.deepEqual([schemes.to.uri.scheme, schemes.from.uri.scheme, contacts(schemes)[0]?.uri.scheme], ["isbn", "http", "name"]);
  assert.equal(schemes.from.params.get("tag"), "3234233");
  assert.deepEqual(request("bext01").headers.all("Require"), ["nothingSupportsThis", "nothingSupportsThisEither"]);
  assert.equal(request("invut").headers.get("Content-Type"), "application/unknownformat");
  assert.equal(request("regaut01").headers.get("Authorization"), "NoOneKnowsThisScheme opaque-data=here");
  assert.equal(request("zeromf").maxForwards, 0);
  assert.ok(contacts(request("cparam01"))[0]?.params.has("unknownparam"));
  assert.ok(sip(contacts(request("cparam02"))[0]?.uri).params.has("unknownparam"));
  assert.equal(sip(contacts(request("regescrt"))[0]?.uri).headers, "Route=%3Csip:sip.example.com%3E");
  assert.deepEqual(request("sdp01").headers.all("Accept"), ["text/nobodyKnowsThis"]);
  assert.equal(request("baddate").headers.get("Date"), "Fri, 01 Jan 2010 16:00:00 EST");
  const old = request("inv2543");
  assert.equal(old.via[0]?.params.has("branch"), false);
  assert.equal(old.from.params.has("tag"), false);
  assert.equal(old.to.params.get("user"), "phone");
  assert.equal(old.maxForwards, 70);
  assert.ok(old.body.length > 100);
});

test("what is refused leaves what the answer needs (RFC 3261 8.2.6)", () => {
  const result = parseMessage(torture.find(({ name }) => name === "badvers")?.bytes ?? Buffer.alloc(0));
  assert.ok(!result.ok);
  assert.deepEqual(result.request, {
    method: "OPTIONS",
    via: ["SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw"],
    from: "A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe",
    to: "T. Watson <sip:t.watson@example.org>",
    callId: "badvers.31417@c.example.com",
    cseq: "1 OPTIONS",
  });
});
