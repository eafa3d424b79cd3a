import { describe, expect, test } from "bun:test";
import type { Answer } from "../support/ask.ts";
import { errorOf } from "../support/ask.ts";
import { type ClaimCall, claimsOfTask, type Verb } from "../support/claim-history.ts";
import { claimOf, claimsOf, eventOf, taskOf } from "../support/claims.ts";
import { everyDatabase } from "../support/databases.ts";
import { isLinearizable, type Seen } from "../support/linearizability.ts";
import { startServer, type TestServer } from "../support/server.ts";

const tasks = 5;
const clientsOfTask = 5;
const callsOfClient = 14;

/** Several clients of one task, at random servers: all that they saw. */
class Watched {
	readonly history: Seen<ClaimCall>[] = [];
	readonly #fences: number[] = [];

	constructor(
		private readonly apis: readonly ReturnType<typeof claimsOf>[],
		private readonly id: string,
		private readonly label: string,
	) {}

	async client(): Promise<void> {
		for (let count = 0; count < callsOfClient; count++) {
			const from = performance.now();
			const call = await this.#call();
			this.history.push({ from, to: performance.now(), call });
			// Claims of one second run out meanwhile.
			if (Math.random() < 0.04) await Bun.sleep(1500);
		}
	}

	/** `endedAt`: claims that ran out did so before. */
	lapsed(event: number, endedAt: number): void {
		for (const { from, call } of this.history) {
			if (call.kind !== "claim" || eventOf(call.fence) !== event) continue;
			this.history.push({ from, to: endedAt, call: { kind: "lapse", fence: call.fence } });
			return;
		}
		throw new Error("a claim ran out that nobody has made");
	}

	#call(): Promise<ClaimCall> {
		const chance = Math.random();
		const fence = this.#fences.at(Math.random() < 0.7 ? -1 : Math.floor(Math.random() * this.#fences.length));
		if (fence === undefined || chance < 0.3) return this.#claim(chance < 0.12);
		if (chance < 0.45) return this.#heartbeat(fence);
		if (chance < 0.8) return this.#settle(chance < 0.65 ? "release" : "complete", fence);
		return chance < 0.9 ? this.#take() : this.#read();
	}

	get #api() {
		const api = this.apis[Math.floor(Math.random() * this.apis.length)];
		if (api === undefined) throw new Error("there is no server");
		return api;
	}

	async #claim(isNext: boolean): Promise<ClaimCall> {
		const lease_seconds = Math.random() < 0.3 ? 1 : 60;
		const answer = isNext
			? await this.#api.next({ label: this.label, lease_seconds })
			: await this.#api.claim(this.id, { lease_seconds });
		if (answer.status === 204) return { kind: "none" };
		if (answer.status === 409) return { kind: errorOf(answer).type as "claimed" | "conflict" };
		const { claim, task } = claimOf(succeeded(answer));
		this.#fences.push(claim.fence);
		return { kind: "claim", fence: claim.fence, version: task.version };
	}

	async #heartbeat(fence: number): Promise<ClaimCall> {
		const answer = await this.#api.heartbeat(this.id, { fence });
		if (isLost(answer)) return { kind: "lost", verb: "heartbeat", fence };
		succeeded(answer);
		return { kind: "heartbeat", fence };
	}

	async #settle(verb: Verb, fence: number): Promise<ClaimCall> {
		const answer = await this.#api[verb](this.id, { fence });
		if (isLost(answer)) return { kind: "lost", verb, fence };
		return { kind: "settle", verb, fence, version: taskOf(succeeded(answer)).version };
	}

	async #take(): Promise<ClaimCall> {
		const answer = await this.#api.patch(this.id, { status: "open" }, { "claim-fence": "*" });
		return { kind: "take", version: taskOf(succeeded(answer)).version };
	}

	async #read(): Promise<ClaimCall> {
		const { version, status } = await this.#api.get(this.id);
		return { kind: "read", version, status };
	}
}

function succeeded(answer: Answer): Answer {
	expect(answer.status).toBe(200);
	return answer;
}

function isLost(answer: Answer): boolean {
	return answer.status === 409 && errorOf(answer).type === "lease_lost";
}

/** The numbers of the events of the claims of a task that ran out. */
async function lapsedClaims(api: ReturnType<typeof claimsOf>, id: string): Promise<readonly number[]> {
	let claimed = 0;
	const lapsed: number[] = [];
	for (const event of await api.events(id)) {
		if (event.type === "task.claimed") claimed = Number(event.id);
		if (event.reason === "expired") lapsed.push(claimed);
	}
	return lapsed;
}

describe("a history of claims", () => {
	const seen = (from: number, to: number, call: ClaimCall) => ({ from, to, call });
	const claim = (fence: number, version: number) => ({ kind: "claim", fence, version }) as const;
	const lost = { kind: "lost", verb: "complete", fence: 5 } as const;

	test.each<[string, readonly Seen<ClaimCall>[], boolean]>([
		["one claim after the other's release", [seen(0, 1, claim(5, 2)), seen(0, 4, claim(7, 4))], false],
		[
			"two claims at once of which the first is released meanwhile",
			[
				seen(0, 1, claim(5, 2)),
				seen(0, 4, claim(7, 4)),
				seen(2, 3, { kind: "settle", verb: "release", fence: 5, version: 3 }),
			],
			true,
		],
		["a fence that falls", [seen(0, 1, claim(5, 2)), seen(2, 3, claim(4, 3))], false],
		[
			"an old fence that counts",
			[
				seen(0, 1, claim(5, 2)),
				seen(2, 3, { kind: "take", version: 3 }),
				seen(4, 5, { kind: "settle", verb: "complete", fence: 5, version: 4 }),
			],
			false,
		],
		["a fence that is lost while it holds", [seen(0, 1, claim(5, 2)), seen(2, 3, lost)], false],
		["a fence that is lost before it was given", [seen(0, 2, claim(5, 2)), seen(1, 3, lost)], true],
		[
			"a read of what was before",
			[seen(0, 1, claim(5, 2)), seen(2, 3, { kind: "read", version: 1, status: "open" })],
			false,
		],
	])("with %s is told apart", (_, history, expected) => {
		expect(isLinearizable(history, claimsOfTask)).toBe(expected);
	});
});

for (const { name, newUrl } of everyDatabase) {
	test(`what clients of claims see on ${name} has an order in which each call acts at one moment`, async () => {
		const env = { DATABASE_URL: await newUrl() };
		const first = await startServer(env);
		const others: TestServer[] = name === "SQLite in memory" ? [] : [await startServer(env)];
		const apis = [first, ...others].map((server) => claimsOf(server, { authorization: first.bearer }));
		const api = claimsOf(first);
		const watched = await Promise.all(
			Array.from({ length: tasks }, async (_, index) => {
				const label = `task-${index}`;
				const { id } = await api.create({ labels: [label] });
				return { id, watched: new Watched(apis, id, label) };
			}),
		);
		await Promise.all(
			watched.flatMap(({ watched }) => Array.from({ length: clientsOfTask }, () => watched.client())),
		);
		for (const { id, watched: one } of watched) {
			for (const claimed of await lapsedClaims(api, id)) one.lapsed(claimed, performance.now());
			const kinds = new Set(one.history.map(({ call }) => call.kind));
			expect(kinds.has("claim")).toBe(true);
			expect([id, isLinearizable(one.history, claimsOfTask), one.history]).toEqual([id, true, one.history]);
		}
	});
}
