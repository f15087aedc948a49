import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Header names in lower case. */
  headers: ReadonlyMap<string, string>;
  /** As it was sent, transfer encoding included. */
  body: string;
}

export interface Mailbox {
  url: string;
  mails: ReceivedMail[];
  /** What the server says to a recipient, and to a message; undefined: yes. */
  refuse: { recipient?: Refusal | undefined; message?: Refusal | undefined };
  /** Called when a message has arrived, which is put off once that has come to an end. */
  hold: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

export interface Refusal {
  code: number;
  text: string;
}

const refusal = ({ code, text }: Refusal) => Object.assign(new Error(text), { responseCode: code });

/** A real SMTP server that keeps what it gets. */
export async function startMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const refuse: Mailbox["refuse"] = {};
  const mailbox: Mailbox = { url: "", mails, refuse, hold: undefined, close: async () => undefined };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onRcptTo: (_address, _session, callback) => callback(refuse.recipient ? refusal(refuse.recipient) : null),
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (mailbox.hold) {
          void mailbox.hold().then(() => callback(refusal({ code: 451, text: "held too long" })));
          return;
        }
        if (refuse.message) return callback(refusal(refuse.message));
        const [head = "", ...rest] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n");
        const from = session.envelope.mailFrom;
        mails.push({
          from: from ? from.address : "",
          to: session.envelope.rcptTo.map(({ address }) => address),
          headers: new Map(
            head
              .replace(/\r\n[ \t]+/g, " ")
              .split("\r\n")
              .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
          ),
          body: rest.join("\r\n\r\n"),
        });
        callback();
      });
    },
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  let closed = false;
  mailbox.close = async () => {
    if (closed) return;
    closed = true;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  after(() => mailbox.close());
  mailbox.url = `smtp://127.0.0.1:${port}`;
  return mailbox;
}
