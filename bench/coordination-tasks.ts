import { alternate, median, middle, ratio } from "./alternate.ts";
import {
	addTasks,
	ask,
	atLeast,
	below,
	type Client,
	type Figure,
	pairs,
	rateOf,
	type Setting,
	type TaskBody,
} from "./coordination-client.ts";
import type { LoadRequest } from "./load.ts";
import { createRequest } from "./requests.ts";

const agents = 64;

/** Tasks with everything, of those with a title alone. */
export async function measureCreate({ start, pace }: Setting): Promise<readonly Figure[]> {
	const client = await start(0);
	const blockers = await addTasks(
		client,
		Array.from({ length: 500 }, (_, n) => ({ title: `Blocker ${n}` })),
	);
	const plain = createRequest(client.authorization);
	const whole = blockers.slice(1).map((blocker, index): LoadRequest => {
		const blocked_by = [blocker, blockers[index]];
		const metadata = { source: "x".repeat(1010) };
		return {
			...plain,
			body: { title: "Measure what a task costs", labels: ["a", "b", "c"], blocked_by, metadata },
		};
	});
	const samples = await alternate(
		[
			{ name: "plain", contenders: [client], requests: [plain] },
			{ name: "whole", contenders: [client], requests: whole },
		],
		agents,
		pace,
	);
	const [few = [], many = []] = samples;
	const rates = [middle(many), middle(few)].map(({ perSecond }) => Math.round(perSecond));
	const byCpu = ratio(many, few, (a, b) => b.cpuMicros / a.cpuMicros);
	const value = ratio(many, few, (a, b) => a.perSecond / b.perSecond);
	const note = `${rates.join(" of ")}/s; by CPU ${byCpu.toFixed(2)}`;
	return [atLeast("create with 3 labels, 2 blockers, 1 KiB of metadata, of a plain one", value, 0.4, note)];
}

interface Claimed {
	readonly claim: { readonly fence: number };
	readonly task: TaskBody;
}

/** The task and how to settle it; undefined if there was none. */
async function claim(client: Client, agent: number, label?: string) {
	const body = { holder: `agent-${agent}`, label };
	const answer = await ask<Claimed | undefined>(client, "POST", "/collab/tasks/claim", body);
	if (answer.body === undefined) return undefined;
	const { claim, task } = answer.body;
	return (how: "release" | "complete") =>
		ask(client, "POST", `/collab/tasks/${task.id}/${how}`, { fence: claim.fence });
}

/** Claiming the next ready task beside many tasks, of beside a thousand. */
export async function measureClaims({ start, full, pace, tasks }: Setting): Promise<readonly Figure[]> {
	const [few, many] = [await start(1000), await full()];
	const figures: Figure[] = [];
	for (const label of [undefined, "rare"]) {
		const sample = (client: Client) => () => {
			const until = performance.now() + pace.seconds * 1000;
			return rateOf(client, agents, async (agent) => {
				await (await claim(client, agent, label))?.("release");
				return performance.now() < until;
			});
		};
		const { rate, note } = await pairs(pace.rounds, [sample(many), sample(few)]);
		const what = label === undefined ? "" : " of a label that one ready task has";
		figures.push(
			atLeast(`claim-next${what} and release beside ${tasks} tasks, of beside 1000`, rate, 0.9, note),
		);
	}
	return figures;
}

/** Takes a job as `claim` takes a task. */
async function lease(client: Client, agent: number) {
	const asked = { worker: `agent-${agent}` };
	const { body } = await ask<{ items: Leased[] }>(client, "POST", "/jobs/lease", asked);
	const [job] = body.items;
	if (job === undefined) return undefined;
	return () => ask(client, "POST", `/jobs/${job.id}/complete`, { fence: job.lease.fence });
}

interface Leased {
	readonly id: string;
	readonly lease: { readonly fence: number };
}

/** Claim and complete, of jobs' lease and complete. */
export async function measureCycles({ start, pace, tasks }: Setting): Promise<readonly Figure[]> {
	const client = await start(0);
	const batches = Math.min(pace.seconds * 4, Math.ceil(tasks / 500));
	const added = Array.from({ length: 500 }, () => ({ title: "Measure a cycle" }));
	const jobs = Array.from({ length: 500 }, () => ({ kind: "mail" }));
	const drain = (add: () => Promise<unknown>, take: typeof claim | typeof lease) => async () => {
		for (let batch = 0; batch < batches; batch++) await add();
		return rateOf(client, agents, async (agent) => {
			const complete = await take(client, agent);
			await complete?.("complete");
			return complete !== undefined;
		});
	};
	const { rate, note } = await pairs(pace.rounds, [
		drain(() => addTasks(client, added), claim),
		drain(() => ask(client, "POST", "/jobs/batch", { jobs }), lease),
	]);
	return [atLeast("claim and complete, of jobs' lease and complete", rate, 0.8, note)];
}

/** A task that as many wait for as may, and checks for cycles that look at as many blockers as they may. */
export async function measureBlockers({ start, pace, tasks }: Setting): Promise<readonly Figure[]> {
	const client = await start(0);
	const completions: number[] = [];
	for (let round = 0; round < pace.rounds; round++) {
		const [blocker = ""] = await addTasks(client, [{ title: "Blocker", priority: 100 }]);
		const waiting = Array.from({ length: 500 }, () => ({
			title: "Waits",
			blocked_by: [blocker],
			labels: ["a"],
		}));
		for (const half of [waiting, waiting]) await addTasks(client, half);
		const { body } = await ask<Claimed>(client, "POST", `/collab/tasks/${blocker}/claim`, {});
		const done = await ask(client, "POST", `/collab/tasks/${blocker}/complete`, { fence: body.claim.fence });
		completions.push(done.ms);
	}
	const count = Math.min(10_000, tasks);
	const chain = await checks(client, pace.rounds, await layers(client, count, 1));
	const wide = await checks(client, pace.rounds, await layers(client, count, 50));
	const figure = (name: string, values: readonly number[]) =>
		below(name, median(values), 100, "ms", `${Math.max(...values).toFixed(1)} ms at the most`);
	return [
		figure("completing a task that 1,000 wait for", completions),
		figure(`PATCH whose check looks at ${count} blockers in a chain`, chain),
		figure(`PATCH whose check looks at ${count} blockers that name 50 each`, wide),
	];
}

/** Makes layers of tasks, of which each names all of the layer before; answers with the last one. */
async function layers(client: Client, count: number, width: number): Promise<readonly string[]> {
	let last: readonly string[] = [];
	for (let made = 0; made < count; made += 500) {
		const tasks = Array.from({ length: 500 }, (_, n) => {
			const before = Math.floor(n / width) - 1;
			const blocked_by =
				before < 0 ? last : Array.from({ length: width }, (__, index) => `#${before * width + index}`);
			return { title: "In a layer", blocked_by };
		});
		last = (await addTasks(client, tasks)).slice(-width);
	}
	return last;
}

async function checks(
	client: Client,
	rounds: number,
	blocked_by: readonly string[],
): Promise<readonly number[]> {
	const path = `/collab/tasks/${(await addTasks(client, [{ title: "Waits for them all" }]))[0]}`;
	const times: number[] = [];
	for (let round = 0; round < rounds; round++) {
		times.push((await ask(client, "PATCH", path, { blocked_by }, { "if-match": "*" })).ms);
		// One that misses its aim by so much is known well enough.
		if (Math.max(...times) > 5000) break;
		await ask(client, "PATCH", path, { blocked_by: [] }, { "if-match": "*" });
	}
	return times;
}
