import { join } from "node:path";
import { alternate, middle, type Pace } from "./alternate.ts";
import { names, startBare } from "./contenders.ts";

const connections = 64;

/** What the load generator can do: its rate against a server that answers with nothing, without any JavaScript. */
export async function generatorCheck(binary: string, folder: string, pace: Pace): Promise<string> {
	const server = await startBare(names.bare, binary)(join(folder, "generator"));
	try {
		const requests = [{ method: "GET", path: "/empty" }] as const;
		const [samples = []] = await alternate(
			[{ name: names.bare, contenders: [server], requests }],
			connections,
			pace,
		);
		const { perSecond, generatorShare, serverShare } = middle(samples);
		return `Against a static route of Bun that answers with nothing, wrk (one thread, ${connections} connections) came to ${Math.round(perSecond).toLocaleString("en-US")} requests/s with ${percent(generatorShare)} of a core, while the server took ${percent(serverShare)}: no contender is held back below that rate.`;
	} finally {
		await server.stop();
	}
}

export function percent(share: number): string {
	return `${Math.round(share * 100)} %`;
}
