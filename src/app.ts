import type { FastifyInstance } from "fastify";
import type { Carrier } from "./carriers/carrier.ts";
import { createCarrierRouter } from "./carriers/createCarrierRouter.ts";
import { createSimulator } from "./carriers/simulator/simulator.ts";
import { startSipCarrier } from "./carriers/sip/startSipCarrier.ts";
import type { Config } from "./config.ts";
import { type Authenticator, createAuthenticator } from "./core/api-keys/authenticate.ts";
import { KEYS_CHANNEL } from "./core/api-keys/revokeKey.ts";
import type { House } from "./core/context.ts";
import { createCleanUp } from "./core/housekeeping/cleanUp.ts";
import { createCleanUpRecordings } from "./core/housekeeping/cleanUpRecordings.ts";
import { createSendMail } from "./core/outbox/sendMail.ts";
import { TRUNKS_CHANNEL } from "./core/trunks/channel.ts";
import { createDeliverWebhook } from "./core/webhooks/deliver.ts";
import { wordWebhook } from "./dialects/yappr/webhook.ts";
import { DIAL_CHANNEL, QUEUE_CHANNEL } from "./engine/channels.ts";
import { startDispatcher } from "./engine/dispatcher.ts";
import { startVoiceNode } from "./engine/voice-node.ts";
import { createRateLimit } from "./platform/http/rate-limit.ts";
import { startJobs } from "./platform/jobs/jobs.ts";
import type { Log } from "./platform/log.ts";
import { createOutbound } from "./platform/outbound/outbound.ts";
import { type Listener, openListener } from "./platform/postgres/listener.ts";
import { pendingMigrations } from "./platform/postgres/migrate.ts";
import { openPool } from "./platform/postgres/openPool.ts";
import type { Role } from "./roles.ts";
import type { Store } from "./store.ts";
import { createConversation } from "./voice/createConversation.ts";
import { createRecorder } from "./voice/recording/createRecorder.ts";
import { createSpeech } from "./voice/speech/createSpeech.ts";

export type { Role } from "./roles.ts";

export interface App {
  server: FastifyInstance | undefined;
  /** Where the HTTP server listens. */
  url: string | undefined;
  /** Drains and stops every role, all at once, and then what they stand on. */
  close(): Promise<void>;
}

const REQUEST_PATIENCE_MS = 1_500;
/** For the queue's own statements; one of them listens. What a job does takes the others' connections. */
const JOB_CONNECTIONS = 4;

/** Starts the roles of one process over an open store that is migrated; there may be none, where another process has them all. */
export async function startApp(config: Config, store: Store, roles: readonly Role[], log: Log): Promise<App> {
  const { house } = store;
  const foundations: Array<() => Promise<void>> = [];
  const stops: Array<() => Promise<void>> = [];
  const close = async () => {
    const settle = (stop: () => Promise<void>) => stop().catch((error: unknown) => log.error({ err: error }, "could not stop cleanly"));
    await Promise.all(stops.splice(0).map(settle));
    await Promise.all(foundations.splice(0).map(settle));
  };
  if (roles.length === 0) return { server: undefined, url: undefined, close };
  try {
    const listener = await openListener(store.connection, channelsOf(roles), log);
    foundations.push(() => listener.close());
    if (roles.includes("jobs")) {
      const outbound = createOutbound({ allowPrivate: config.OUTBOUND_ALLOW_PRIVATE, timeoutMs: 10_000, maxResponseBytes: 64 * 1024 });
      foundations.push(() => outbound.close());
      const tasks = {
        deliver_webhook: createDeliverWebhook({ house, outbound, renderers: { yappr: wordWebhook } }),
        send_mail: createSendMail({ db: house.db, clock: house.clock, smtpUrl: config.SMTP_URL, from: config.MAIL_FROM }),
        clean_up: createCleanUp(house),
        clean_up_recordings: createCleanUpRecordings({ house, keepDays: config.RECORDINGS_KEEP_DAYS, log }),
      };
      // Its workers look for jobs all at once: the connections of calls would be as many, and each of them new to what a call asks.
      const pool = openPool({ connection: store.connection, most: JOB_CONNECTIONS, log });
      foundations.push(() => pool.end());
      const jobs = await startJobs({ pool, tasks, log });
      stops.push(() => jobs.close());
    }
    if (roles.includes("voice")) {
      const voice = await startVoice(config, house, listener, log);
      stops.push(() => voice.close());
    }
    if (roles.includes("dispatcher")) {
      const dispatcher = startDispatcher({ house, listener, log });
      stops.push(() => dispatcher.close());
    }
    let server: FastifyInstance | undefined;
    let url: string | undefined;
    if (roles.includes("api")) {
      const authenticator: Authenticator = createAuthenticator(house, listener);
      foundations.push(() => authenticator.close());
      // What does not serve HTTP does without all of that in its memory.
      const { buildServer } = await import("./dialects/server.ts");
      server = await buildServer({
        house,
        authenticator,
        rateLimit: createRateLimit(config.RATE_LIMIT_PER_MINUTE),
        publicUrl: config.publicUrl,
        log,
        ready: async () => {
          const pending = await pendingMigrations(house.db.pool);
          if (pending.length > 0) throw new Error(`Migrations are pending: ${pending.join(", ")}.`);
        },
      });
      const listening = server;
      stops.push(() => closeServer(listening));
      url = await server.listen({ port: config.PORT, host: config.HOST });
    }
    return { server, url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A voice node, with every way to a telephone. */
async function startVoice(config: Config, house: House, listener: Listener, log: Log): Promise<{ close(): Promise<void> }> {
  const speech = await createSpeech(
    { provider: config.TTS_PROVIDER, url: config.TTS_URL, apiKey: config.TTS_API_KEY, model: config.TTS_MODEL, voice: config.TTS_VOICE },
    (message) => log.warn(message),
  );
  const simulator = createSimulator({ clock: house.clock, speed: config.SIMULATOR_SPEED, seed: "leadline" });
  let sip: { carrier: Carrier; close(): Promise<void> } | undefined;
  const node = await startVoiceNode({
    house,
    carrier: async ({ id, incoming }) => {
      sip = await startSipCarrier({ house, listener, log, nodeId: id, settings: config, incoming });
      return createCarrierRouter({ simulator, sip: sip.carrier });
    },
    conversation: createConversation({ speech }),
    recorder: createRecorder({ house, log }),
    listener,
    log,
  });
  return {
    async close() {
      // At once: the node waits for the ends of calls, and SIP knows when to wait no longer for the other side.
      await Promise.all([node.close(), sip?.close()]);
    },
  };
}

function channelsOf(roles: readonly Role[]): string[] {
  return [
    KEYS_CHANNEL,
    ...(roles.includes("voice") ? [DIAL_CHANNEL, TRUNKS_CHANNEL] : []),
    ...(roles.includes("dispatcher") ? [QUEUE_CHANNEL] : []),
  ];
}

/** Requests under way are answered; one that takes too long, such as one that never arrives whole, is cut off. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const impatience = setTimeout(() => server.server.closeAllConnections(), REQUEST_PATIENCE_MS);
  await server.close();
  clearTimeout(impatience);
}
