import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import net, { type AddressInfo, createServer as createTcpServer } from "node:net";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { OutboundError, type OutboundReason } from "../../src/platform/outbound/errors.ts";
import { createOutbound, type OutboundOptions } from "../../src/platform/outbound/outbound.ts";
import { isPublicAddress } from "../../src/platform/outbound/public-address.ts";

function outbound(options: Partial<OutboundOptions> = {}) {
  const client = createOutbound({ allowPrivate: true, timeoutMs: 5_000, maxResponseBytes: 1_000, ...options });
  after(() => client.close());
  return client;
}

/** A server on loopback that counts what reaches it. */
async function startServer(answer: RequestListener, host = "127.0.0.1") {
  const seen: Array<{ request: IncomingMessage; body: string }> = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      seen.push({ request, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    seen,
    get connections() {
      return connections;
    },
  };
}

const refusal = (reason: OutboundReason) => (error: unknown) => {
  assert.ok(error instanceof OutboundError, String(error));
  assert.equal(error.reason, reason, error.message);
  return true;
};

const v4 = (address: string): LookupAddress => ({ address, family: 4 });

describe("what is a public address", () => {
  const notPublic = [
    ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254"],
    ...["172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"],
    ...["203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"],
    ...["100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1"],
    ...["fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1", "not an address", ""],
  ];
  for (const address of notPublic) test(`not ${address || "(empty)"}`, () => assert.equal(isPublicAddress(address), false));

  for (const address of ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::8"])
    test(`yes ${address}`, () => assert.equal(isPublicAddress(address), true));

  test("an IPv4 address and its mapped form are never public at once, and private nets never are", () => {
    const octet = fc.nat({ max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
        assert.equal(isPublicAddress(`::ffff:${a}.${b}.${c}.${d}`), false);
        assert.equal(isPublicAddress(`10.${b}.${c}.${d}`), false);
        assert.equal(isPublicAddress(`127.${b}.${c}.${d}`), false);
        assert.equal(isPublicAddress(`192.168.${c}.${d}`), false);
        assert.equal(isPublicAddress(`169.254.${c}.${d}`), false);
      }),
    );
  });
});

describe("a request", () => {
  test("carries method, path, headers and body, and brings back the status", async () => {
    const server = await startServer((_request, response) => response.writeHead(201).end("făcut"));
    const response = await outbound().send({
      method: "POST",
      url: `${server.url}/hook/a?b=c`,
      headers: { "content-type": "application/json", "x-key": "k" },
      body: '{"a":"ă"}',
    });
    assert.equal(response.status, 201);
    const [{ request, body } = { request: undefined, body: "" }] = server.seen;
    assert.equal(request?.method, "POST");
    assert.equal(request?.url, "/hook/a?b=c");
    assert.equal(request?.headers["x-key"], "k");
    assert.equal(request?.headers["accept-encoding"], undefined);
    assert.equal(body, '{"a":"ă"}');
  });

  test("a redirect is not followed", async () => {
    const server = await startServer((_request, response) => response.writeHead(302, { location: "/elsewhere" }).end());
    const response = await outbound().send({ method: "POST", url: `${server.url}/hook` });
    assert.equal(response.status, 302);
    assert.deepEqual(
      server.seen.map(({ request }) => request.url),
      ["/hook"],
    );
  });

  test("an answer up to the limit leaves its connection for later requests", async () => {
    const server = await startServer((_request, response) => response.end("x".repeat(1_000)));
    const client = outbound();
    for (let sent = 0; sent < 20; sent++) assert.equal((await client.send({ method: "GET", url: server.url })).status, 200);
    assert.ok(server.connections < 5, `${server.connections} connections`);
  });

  test("a longer one stands, and its connection is dropped", async () => {
    const { promise: dropped, resolve } = Promise.withResolvers<void>();
    const server = await startServer((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", more).on("close", resolve);
      more();
    });
    assert.equal((await outbound().send({ method: "GET", url: server.url })).status, 200);
    await dropped;
  });

  test("one whose body drips past the time limit, or breaks off, stands too, and its connection is dropped", async () => {
    const { promise: dropped, resolve } = Promise.withResolvers<void>();
    const dripping = await startServer((_request, response) => {
      const drip = setInterval(() => response.write("x"), 20);
      response.on("close", () => {
        clearInterval(drip);
        resolve();
      });
    });
    assert.equal((await outbound({ timeoutMs: 3_000 }).send({ method: "POST", url: dripping.url })).status, 200);
    await dropped;
    const breaking = await startServer((_request, response) => {
      response.writeHead(202, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    assert.equal((await outbound().send({ method: "POST", url: breaking.url })).status, 202);
  });

  test("the environment's proxy is not used", async () => {
    const proxy = await startServer((_request, response) => response.end("proxied"));
    const server = await startServer((_request, response) => response.end("direct"));
    const settings = { HTTP_PROXY: proxy.url, http_proxy: proxy.url, ALL_PROXY: proxy.url, NODE_USE_ENV_PROXY: "1" };
    Object.assign(process.env, settings);
    try {
      await outbound().send({ method: "GET", url: server.url });
    } finally {
      for (const name of Object.keys(settings)) delete process.env[name];
    }
    assert.deepEqual([proxy.connections, server.connections], [0, 1]);
  });

  for (const url of [
    "",
    "hook",
    "/hook",
    "ftp://127.0.0.1/x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://",
    "http://[::1",
    "http://user:secret@127.0.0.1/",
  ]) {
    test(`the URL ${url || "(empty)"} is refused`, () => assert.rejects(outbound().send({ method: "POST", url }), refusal("invalid_url")));
  }

  test("a header that would smuggle a second one is refused", async () => {
    const server = await startServer((_request, response) => response.end());
    const smuggling: Array<Record<string, string>> = [{ "x-a": "1\r\nx-b: 2" }, { "x a": "1" }];
    for (const headers of smuggling) {
      await assert.rejects(outbound().send({ method: "POST", url: server.url, headers }), refusal("invalid_request"));
    }
    assert.equal(server.seen.length, 0);
  });
});

describe("a request that gets no answer", () => {
  test("a server that says nothing times out", async () => {
    const server = await startServer(() => undefined);
    await assert.rejects(outbound({ timeoutMs: 200 }).send({ method: "POST", url: server.url }), refusal("timeout"));
  });

  test("one preliminary answer after another, and never the real one, is broken off (RFC 9110 15.2)", async () => {
    const babbler = createTcpServer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(100)));
      };
      socket.on("error", () => undefined).on("drain", more);
      more();
    });
    await new Promise<void>((resolve) => babbler.listen(0, "127.0.0.1", resolve));
    after(() => babbler.close());
    const { port } = babbler.address() as AddressInfo;
    await assert.rejects(outbound().send({ method: "POST", url: `http://127.0.0.1:${port}` }), refusal("connection_lost"));
  });

  test("a few preliminary answers before the real one are passed over (RFC 9110 15.2)", async () => {
    const server = await startServer((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(201).end("made");
    });
    assert.equal((await outbound().send({ method: "POST", url: server.url })).status, 201);
  });

  test("a resolver that never answers times out", async () => {
    const client = outbound({ timeoutMs: 200, resolve: () => new Promise(() => undefined) });
    await assert.rejects(client.send({ method: "POST", url: "http://slow.example/" }), refusal("timeout"));
  });

  test("a closed port, an unknown host, a host without addresses", async () => {
    const server = await startServer(() => undefined);
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(outbound().send({ method: "POST", url: `http://127.0.0.1:${port}` }), refusal("connect_failed"));
    await assert.rejects(
      outbound({ resolve: () => Promise.reject(new Error("ENOTFOUND")) }).send({ method: "POST", url: "http://no.example" }),
      refusal("unresolved"),
    );
    await assert.rejects(
      outbound({ resolve: async () => [] }).send({ method: "POST", url: `http://none.example:${server.port}` }),
      refusal("unresolved"),
    );
  });

  test("an answer that is no HTTP, and a connection that breaks in the middle of the headers, or is reset", async () => {
    for (const said of ["220 mail.example ESMTP\r\n", "HTTP/1.1 200 OK\r\ncontent-le"]) {
      const rude = createTcpServer((socket) => socket.end(said));
      await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
      after(() => rude.close());
      const { port } = rude.address() as AddressInfo;
      await assert.rejects(outbound().send({ method: "POST", url: `http://127.0.0.1:${port}` }), refusal("connection_lost"));
    }
    const reset = createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => reset.listen(0, "127.0.0.1", resolve));
    after(() => reset.close());
    const resetPort = (reset.address() as AddressInfo).port;
    await assert.rejects(outbound().send({ method: "POST", url: `http://127.0.0.1:${resetPort}` }), refusal("connection_lost"));
  });

  test("a server that speaks no TLS", async () => {
    const plain = await startServer((_request, response) => response.end());
    await assert.rejects(outbound().send({ method: "POST", url: plain.url.replace("http:", "https:") }), refusal("connect_failed"));
  });

  test("the caller's signal, and closing the client, break off what is under way", async () => {
    const server = await startServer(() => undefined);
    const stop = new AbortController();
    const client = outbound();
    const first = assert.rejects(client.send({ method: "POST", url: server.url, signal: stop.signal }), refusal("aborted"));
    while (server.seen.length < 1) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await first;
    const second = assert.rejects(client.send({ method: "POST", url: server.url }), refusal("aborted"));
    while (server.seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    await second;
    await assert.rejects(client.send({ method: "POST", url: server.url }), refusal("aborted"));
    assert.equal(server.seen.length, 2);
  });
});

describe("public addresses only", () => {
  test("loopback in every spelling is refused, and nothing reaches it", async () => {
    const server = await startServer((_request, response) => response.end());
    const client = outbound({ allowPrivate: false });
    const hosts = ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "0x7f000001", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "0"];
    for (const host of [...hosts, "[::ffff:127.0.0.1]", "[::]", "１２７.0.0.1", "169.254.169.254", "[fe80::1]", "[64:ff9b::7f00:1]"]) {
      await assert.rejects(client.send({ method: "POST", url: `http://${host}:${server.port}/` }), refusal("forbidden_address"), host);
    }
    assert.equal(server.connections, 0);
  });

  test("a name that resolves to a private address, or to public and private ones, is refused", async () => {
    const server = await startServer((_request, response) => response.end());
    for (const answer of [[v4("127.0.0.1")], [v4("8.8.8.8"), v4("127.0.0.1")], [v4("127.0.0.1"), v4("8.8.8.8")]]) {
      const client = outbound({ allowPrivate: false, resolve: async () => answer });
      await assert.rejects(client.send({ method: "POST", url: `http://rebind.example:${server.port}/` }), refusal("forbidden_address"));
    }
    assert.equal(server.connections, 0);
  });

  test("the refusal does not tell what the name resolves to", async () => {
    const client = outbound({ allowPrivate: false, resolve: async () => [v4("10.11.12.13")] });
    await assert.rejects(client.send({ method: "POST", url: "http://db.internal/" }), (error: Error) => !error.message.includes("10.11"));
  });

  test("a name that is public when checked and private the next moment is connected to what was checked", async (t) => {
    const server = await startServer((_request, response) => response.writeHead(200, { connection: "close" }).end("answer"));
    const answers = [[v4("8.8.8.8"), { address: "2606:4700::1111", family: 6 }], [v4("127.0.0.1")]];
    let asked = 0;
    const client = outbound({ allowPrivate: false, resolve: async () => answers[asked++] ?? [] });
    // In place of the network: notes the addresses that the socket is given, and has the local server answer for them.
    const dialled: string[] = [];
    const real = net.connect;
    t.mock.method(net, "connect", (options: net.TcpNetConnectOpts) => {
      options.lookup?.(options.host ?? "", { all: true }, (_error, addresses) => {
        if (Array.isArray(addresses)) dialled.push(...addresses.map(({ address }) => address));
      });
      return real({ host: "127.0.0.1", port: server.port });
    });
    const url = "http://rebind.example/";
    assert.equal((await client.send({ method: "POST", url })).status, 200);
    assert.deepEqual(dialled, ["8.8.8.8", "2606:4700::1111"]);
    assert.equal(asked, 1, "check and connect share one look-up");
    t.mock.restoreAll();
    await assert.rejects(client.send({ method: "POST", url }), refusal("forbidden_address"));
    assert.equal(asked, 2, "the next connection is checked again");
    assert.equal(server.seen.length, 1);
  });

  test("allowPrivate lets all of them through", async () => {
    const server = await startServer((_request, response) => response.end("in"));
    const hosts = ["127.0.0.1", "localhost", "0x7f000001"];
    for (const host of hosts) {
      await outbound().send({ method: "POST", url: `http://${host}:${server.port}/` });
    }
    assert.equal(server.seen.length, hosts.length);
  });
});
