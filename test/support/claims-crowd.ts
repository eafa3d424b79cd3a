import { describe, expect, test } from "bun:test";
import { type ClaimAnswer, eventOf, type LoggedEvent } from "./claims.ts";
import { durableDatabases } from "./databases.ts";
import { fromSource, startProcess } from "./process.ts";
import { startServer } from "./server.ts";
import { logIn, testEmail, testPassword } from "./users.ts";

const agents = 32;
const blockersMax = 3;

/** What one agent saw of a claim. */
interface Seen {
	readonly task: string;
	readonly fence: number;
	readonly agent: string;
}

interface Crowd {
	readonly tasksMax: number;
	/** The base addresses of the servers that are alive. */
	readonly alive: string[];
	readonly authorization: string;
	readonly claims: Seen[];
	/** By task, the fences whose completion was 200. */
	readonly completed: Map<string, number[]>;
	staleAnswers: number;
}

/** Sends until a server that is alive has answered. */
async function call(crowd: Crowd, path: string, body: object, key: string | undefined) {
	for (;;) {
		const url = crowd.alive[Math.floor(Math.random() * crowd.alive.length)] ?? "";
		const headers = {
			"content-type": "application/json",
			authorization: crowd.authorization,
			...(key !== undefined && { "idempotency-key": key }),
		};
		const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })
			.then(async (response) => ({ status: response.status, text: await response.text() }))
			.catch(() => undefined);
		if (answer !== undefined && answer.status !== 503) return answer;
		await Bun.sleep(20);
	}
}

/** A random graph: each task waits for up to three earlier ones. */
function graph(tasksMax: number) {
	return Array.from({ length: tasksMax }, (_, index) => {
		const count = Math.min(index, Math.floor(Math.random() * (blockersMax + 1)));
		return new Set(Array.from({ length: count }, () => Math.floor(Math.random() * index)));
	});
}

/** Makes the tasks; their ids. */
async function build(crowd: Crowd): Promise<readonly string[]> {
	const ids: string[] = [];
	const { tasksMax } = crowd;
	const blockers = graph(tasksMax);
	for (let start = 0; start < tasksMax; start += 250) {
		const tasks = [...blockers.slice(start, start + 250)].map((earlier, index) => ({
			title: `${start + index}`,
			priority: Math.floor(Math.random() * 3),
			labels: [`l${index % 4}`],
			blocked_by: [...earlier].map((place) => (place >= start ? `#${place - start}` : ids[place])),
		}));
		const { status, text } = await call(crowd, "/collab/tasks/batch", { tasks }, undefined);
		expect(status).toBe(200);
		for (const { id } of JSON.parse(text).items) ids.push(id);
	}
	return ids;
}

/** Works until all tasks are done: now and then it crashes, stalls beyond its claim, or gives the task back. */
async function work(agent: string, crowd: Crowd): Promise<void> {
	async function complete({ task, fence }: Seen): Promise<void> {
		const body = { fence, result: eventOf(fence) };
		const { status } = await call(crowd, `/collab/tasks/${task}/complete`, body, undefined);
		expect([200, 409]).toContain(status);
		if (status === 409) crowd.staleAnswers++;
		else crowd.completed.set(task, [...(crowd.completed.get(task) ?? []), fence]);
	}

	const late: Promise<void>[] = [];
	while (crowd.completed.size < crowd.tasksMax) {
		const label = Math.random() < 0.3 ? { label: `l${Math.floor(Math.random() * 4)}` } : {};
		const body = { holder: agent, lease_seconds: 1, wait_seconds: 0.5, ...label };
		const { status, text } = await call(crowd, "/collab/tasks/claim", body, crypto.randomUUID());
		if (status === 204) continue;
		// The answer was lost with its server, and the claim has run out before the repeat.
		if (status === 409) continue;
		expect(status).toBe(200);
		const { claim, task } = JSON.parse(text) as ClaimAnswer;
		const seen = { task: task.id, fence: claim.fence, agent };
		crowd.claims.push(seen);
		const chance = Math.random();
		if (chance < 0.03) continue;
		if (chance < 0.06) late.push(Bun.sleep(1500 + Math.random() * 1500).then(() => complete(seen)));
		else if (chance < 0.1)
			await call(crowd, `/collab/tasks/${task.id}/release`, { fence: claim.fence }, undefined);
		else await complete(seen);
	}
	await Promise.all(late);
}

/** The whole log, a page at a time. */
async function readLog(url: string): Promise<readonly LoggedEvent[]> {
	const events: LoggedEvent[] = [];
	for (let after = 0; ; ) {
		const response = await fetch(`${url}/events?after=${after}&limit=1000&types=task.*`);
		const page = (await response.json()) as { items: readonly LoggedEvent[]; next_after: number };
		events.push(...page.items);
		if (page.next_after === after) return events;
		after = page.next_after;
	}
}

/** What must be true of the claims, the completions, the rows and the log, which has everything in commit order. */
async function expectSound(url: string, ids: readonly string[], crowd: Crowd): Promise<void> {
	const { tasksMax } = crowd;
	expect(crowd.completed.size).toBe(tasksMax);
	expect(crowd.staleAnswers).toBeGreaterThan(0);
	for (const fences of crowd.completed.values()) expect(new Set(fences).size).toBe(1);
	const seen = new Map(crowd.claims.map((claim) => [eventOf(claim.fence), claim]));
	expect(seen.size).toBe(crowd.claims.length);

	const last = new Map<string, LoggedEvent["data"] & { readonly blocked_by: readonly string[] }>();
	const held = new Map<string, number>();
	const done = new Map<string, number>();
	for (const { id, type, subject, data } of await readLog(url)) {
		const task = subject.slice("/collab/tasks/".length);
		if (type === "task.unblocked") continue;
		if (type === "task.claimed") {
			expect(held.has(task)).toBe(false);
			expect(done.has(task)).toBe(false);
			for (const blocker of last.get(task)?.blocked_by ?? []) expect(done.has(blocker)).toBe(true);
			held.set(task, Number(id));
			const claim = seen.get(Number(id));
			if (claim !== undefined) expect([claim.task, claim.agent]).toEqual([task, data.claimed_by ?? ""]);
		} else if (type !== "task.created") {
			const claimed = held.get(task);
			expect(claimed).toBeDefined();
			held.delete(task);
			if (type === "task.completed") done.set(task, claimed ?? 0);
		}
		last.set(task, data as never);
	}
	expect([held.size, done.size]).toEqual([0, tasksMax]);
	for (const [task, fences] of crowd.completed) expect(done.get(task)).toBe(eventOf(fences[0] ?? -1));

	for (const id of ids) {
		const text = await (await fetch(`${url}/collab/tasks/${id}`)).text();
		expect(JSON.parse(text)).toEqual(last.get(id) as never);
		const result = await (await fetch(`${url}/collab/tasks/${id}/result`)).text();
		expect(result).toBe(String(done.get(id)));
	}
	const claims = (await (await fetch(`${url}/collab/claims`)).json()) as { items: readonly unknown[] };
	expect(claims.items).toEqual([]);
}

/** Many agents, which crash, stall and come back, do the tasks of a random graph. Checks what must be true then. */
async function crowdAt(
	alive: string[],
	authorization: string,
	tasksMax: number,
	during: (crowd: Crowd) => Promise<void> = async () => {},
): Promise<void> {
	const seen = { claims: [], completed: new Map(), staleAnswers: 0 };
	const crowd: Crowd = { alive, authorization, tasksMax, ...seen };
	const ids = await build(crowd);
	await Promise.all([
		...Array.from({ length: agents }, (_, index) => work(`agent-${index}`, crowd)),
		during(crowd),
	]);
	await expectSound(crowd.alive[0] ?? "", ids, crowd);
}

async function crowdAtOne(databaseUrl: string, tasksMax: number): Promise<void> {
	const { url, bearer } = await startServer({ DATABASE_URL: databaseUrl });
	await crowdAt([url], bearer, tasksMax);
}

/** Two servers, of which one is killed after a third of the tasks. */
async function crowdAtTwo(databaseUrl: string, tasksMax: number): Promise<void> {
	const env = {
		DATABASE_URL: databaseUrl,
		RATE_LIMIT: "off",
		USER_RATE_LIMIT: "off",
		LOGIN_RATE_LIMIT: "off",
		DEV_USER_EMAIL: testEmail,
		DEV_USER_PASSWORD: testPassword,
		LOG_LEVEL: "warn",
	};
	const one = await startProcess(fromSource, env);
	const other = await startProcess(fromSource, env);
	await crowdAt([one.url, other.url], await logIn(one.url), tasksMax, async ({ alive, completed }) => {
		while (completed.size < tasksMax / 3) await Bun.sleep(5);
		await other.end("SIGKILL");
		alive.pop();
	});
}

/** The crowd's tests, with so many tasks. */
export function describeCrowd(tasksMax: number, timeoutMs: number): void {
	for (const { name, newUrl } of durableDatabases) {
		describe(`${tasksMax} tasks in a graph and ${agents} agents that crash and stall, on ${name}`, () => {
			test(
				"every task is done once, by its fence, after its blockers, and by one agent at a time",
				async () => crowdAtOne(await newUrl(), tasksMax),
				timeoutMs,
			);
			test(
				"the same with two servers, one of which is killed meanwhile",
				async () => crowdAtTwo(await newUrl(), tasksMax),
				timeoutMs,
			);
		});
	}
}
