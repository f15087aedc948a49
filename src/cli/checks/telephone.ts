import { hostname } from "node:os";
import type { Config } from "../../config.ts";
import type { House } from "../../core/context.ts";
import { listTrunks } from "../../core/trunks/listTrunks.ts";
import { gatewayName } from "../../core/trunks/trunk.ts";
import type { TrunkView } from "../../core/trunks/trunk-view.ts";
import { shellWord } from "../shell-word.ts";
import { type Finding, note, ok, problem } from "./finding.ts";
import { checkListening } from "./listening.ts";
import { checkVoice } from "./voice.ts";

/** Whether calls can reach real phones: SIP can listen, trunks are healthy, agents have a voice, audio has ports enough. */
export async function checkTelephone(config: Config, house: House): Promise<Finding[]> {
  const trunks = await listTrunks(house);
  if (trunks.length === 0 && config.SIP_LISTEN.length === 0) {
    return [note("telephone", "There is no trunk: calls go to the simulated carrier. Add one: leadline trunk add --help")];
  }
  const nodes = await nodesHere(house);
  return [
    ...(await checkListening(config, nodes > 0)),
    ...trunks.map((trunk) => checkTrunk(trunk)),
    ...(trunks.some(({ number_count }) => number_count > 0) ? [await checkVoice(config)] : []),
    checkAudioPorts(config, trunks),
  ];
}

/** Voice nodes that live on this machine. */
async function nodesHere({ db }: House): Promise<number> {
  const { rows } = await db.pool.query<{ nodes: number }>(
    "select count(*) as nodes from nodes where host = $1 and heartbeat_at > now() - interval '15 seconds'",
    [hostname()],
  );
  return rows[0]?.nodes ?? 0;
}

function checkTrunk(trunk: TrunkView): Finding {
  const about = `trunk ${trunk.name}`;
  const bad = trunk.health.filter(({ state }) => state === "down");
  const down = bad.filter(({ check }) => check !== "calls");
  if (trunk.health.length === 0)
    return note(about, `not checked lately: no server runs. Test it: leadline trunk test ${shellWord(trunk.name)}`);
  const [call] = bad;
  if (down.length === 0 && call) return note(about, `${call.gateway} is up, but ${call.detail}`);
  if (down.length === 0)
    return ok(about, `${trunk.gateways.map(gatewayName).join(", ")} ${trunk.gateways.length === 1 ? "is" : "are"} up.`);
  const words = down.map(({ gateway, check, detail, node }) => `${check} at ${gateway} from ${node.host}: ${detail}`);
  return problem(about, `${[...new Set(words)].join("; ")}. See: leadline trunk show ${shellWord(trunk.name)}`);
}

/** A call takes a port for RTP and one for RTCP. */
const PORTS_PER_CALL = 2;

function checkAudioPorts({ RTP_PORTS: { from, to } }: Config, trunks: readonly TrunkView[]): Finding {
  const about = "audio ports";
  const room = Math.floor((to - from + 1) / PORTS_PER_CALL);
  const wanted = trunks.reduce((sum, { max_channels }) => sum + (max_channels ?? 0), 0);
  if (wanted > room) {
    const most = from + wanted * PORTS_PER_CALL - 1;
    const advice = most <= 65_535 ? `Set RTP_PORTS=${from}-${most}` : "Widen RTP_PORTS";
    return problem(
      about,
      `RTP_PORTS ${from}-${to} carries ${room} calls, but the trunks have ${wanted} channels. ${advice}, or run more voice nodes.`,
    );
  }
  return ok(about, `UDP ${from}-${to}: room for ${room} calls on this machine.`);
}
